"""Settings -> their data: data sets by name, or an image folder by path."""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from compress.config import DataConfig
from compress.data.bundle import DataBundle
from compress.data.fashion import fashion_bundle, read_sample
from compress.data.fashion_files import find_full, read_full
from compress.data.folder import FolderOptions, load_folder
from compress.errors import BadInputError, UsageError


@dataclass(frozen=True)
class NamedDataset:
    """An entry of ``DATASETS``: one line about it, how it is loaded, whether its images are small (28 to 64 pixels)."""

    summary: str
    load: Callable[[DataConfig], DataBundle]
    small_images: bool = True


def load_data(config: DataConfig) -> DataBundle:
    """Load what ``config.dataset`` names: an entry of ``DATASETS`` or the path of an image folder.

    Raises:
        UsageError: no such name, or settings that the data set does not read.
        BadInputError: files are missing, damaged or unfit.
        EnvironmentProblem: a download failed.
    """
    return _load(config, test_only=False)


def load_test_images(config: DataConfig) -> DataBundle:
    """The same for a verdict alone: a folder may hold test images and no others, its other splits are then empty.

    Raises:
        UsageError, BadInputError, EnvironmentProblem: see ``load_data``.
    """
    return _load(config, test_only=True)


def _load(config: DataConfig, *, test_only: bool) -> DataBundle:
    if config.dataset != "fashion" and (config.data_dir is not None or config.download):
        raise UsageError(
            f"expected data_dir and download only with dataset 'fashion', got dataset {config.dataset!r}; try to "
            "drop them, or give an image folder itself as the dataset"
        )
    if config.dataset in DATASETS:
        return DATASETS[config.dataset].load(config)
    folder = Path(config.dataset).expanduser()
    if not folder.is_dir():
        raise _unknown(config.dataset)
    options = FolderOptions(
        image_size=config.image_size, seed=config.seed, skip_bad=config.skip_bad, workers=config.workers
    )
    return load_folder(folder, options, test_only=test_only)


def _load_sample(config: DataConfig) -> DataBundle:
    return fashion_bundle("fashion-sample", read_sample(), image_size=config.image_size, seed=config.seed)


def _load_full(config: DataConfig) -> DataBundle:
    folder = find_full(config.data_dir, download=config.download)
    return fashion_bundle("fashion", read_full(folder), image_size=config.image_size, seed=config.seed)


def _unknown(name: str) -> UsageError | BadInputError:
    if os.sep in name or name.startswith("."):
        return BadInputError(f"expected an image folder at {name}, got no folder; try another path")
    close = difflib.get_close_matches(name, DATASETS, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else "try the path of an image folder"
    return UsageError(f"expected a data set ({', '.join(DATASETS)}) or the path of a folder, got {name!r}; {hint}")


DATASETS: Mapping[str, NamedDataset] = MappingProxyType(
    {
        "fashion-sample": NamedDataset("12,000 + 4,000 images of Fashion-MNIST, bundled (default)", _load_sample),
        "fashion": NamedDataset("Fashion-MNIST, 60,000 + 10,000 images (Debian, --data-dir, --download)", _load_full),
    }
)
