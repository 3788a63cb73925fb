"""Settings -> data: a data set by name, or an image folder by path."""

import difflib
import os
from pathlib import Path

from compress.data.bundle import DataBundle
from compress.data.folder import load_folder
from compress.data.named import DATASETS
from compress.errors import BadInputError, UsageError
from compress.settings.config import DataConfig


def load_data(config: DataConfig) -> DataBundle:
    """Load what ``config.dataset`` names: an entry of ``DATASETS`` or the path of an image folder.

    Raises:
        UsageError: no such name, or settings that the data set does not read.
        BadInputError: files are missing, damaged or unfit.
        EnvironmentProblem: a download failed.
    """
    return _load(config, test_only=False)


def load_test_images(config: DataConfig) -> DataBundle:
    """The same if only test images are needed: other splits may be missing, and are then empty.

    Raises:
        UsageError, BadInputError, EnvironmentProblem: see ``load_data``.
    """
    return _load(config, test_only=True)


def _load(config: DataConfig, *, test_only: bool) -> DataBundle:
    entry = DATASETS.get(config.dataset)
    if (config.data_dir is not None or config.download) and (entry is None or not entry.places):
        named = ", ".join(name for name, other in DATASETS.items() if other.places)
        raise UsageError(
            f"expected data_dir and download only with a data set of {named}, got dataset {config.dataset!r}; try to "
            "drop them, or give an image folder itself as the dataset"
        )
    if entry is not None:
        return entry.load(config, test_only=test_only)
    folder = Path(config.dataset).expanduser()
    if not folder.is_dir():
        raise _unknown(config.dataset)
    return load_folder(folder, config, test_only=test_only)


def _unknown(name: str) -> UsageError | BadInputError:
    if os.sep in name or name.startswith("."):
        return BadInputError(f"expected an image folder at {name}, got no folder; try another path")
    close = difflib.get_close_matches(name, DATASETS, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else "try the path of an image folder"
    return UsageError(f"expected a data set ({', '.join(DATASETS)}) or the path of a folder, got {name!r}; {hint}")
