"""Data sets by name: what each is, where its files are, and how they are read; settings -> data.

torchvision's ``datasets`` give class names, file names, addresses and checksums. Its classes accept only the published
files in its own folders; the readers here also accept a part of a data set or other images in the same format.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compress.data.arrays import (
    IDX_FILES,
    SAMPLE,
    ArraySet,
    ImageArrays,
    bundle_of_arrays,
    read_cifar,
    read_fashion,
    read_kuzushiji,
    read_sample,
)
from compress.data.augment import RECIPES
from compress.data.bundle import DataBundle
from compress.data.folder import bundle_of_files, load_folder
from compress.data.layout import FolderListing
from compress.data.photo_sets import FLOWER_LABELS, FLOWER_SPLITS, list_flowers, list_food, list_imagenet
from compress.data.published import Published, compare_with_published, find_published
from compress.errors import BadInputError, UsageError
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision

_SETS = torchvision.datasets
_FLOWERS = _SETS.Flowers102
_FASHION_SOURCE = "Xiao, Rasul, Vollgraf, arXiv 1708.07747; MIT licence"
_CIFAR_SOURCE = "Krizhevsky, Learning multiple layers of features from tiny images, 2009; no licence stated"

FASHION = ArraySet("fashion", tuple(_SETS.FashionMNIST.classes), (0.2860,), (0.3530,), 48, RECIPES["fashion"])
KUZUSHIJI = ArraySet("kuzushiji", tuple(_SETS.KMNIST.classes), (0.1918,), (0.3483,), 48, RECIPES["kuzushiji"])
CIFAR10 = ArraySet("cifar10", (), (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), 32, RECIPES["cifar10"])
CIFAR100 = ArraySet("cifar100", (), (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), 32, RECIPES["cifar100"])
"""CIFAR's class names are in its files."""


def _idx_files(name: str, loader: Any, **more: Any) -> Published:
    downloads = tuple((loader.mirrors[0] + file, md5) for file, md5 in loader.resources)
    return Published(name, f"{loader.__name__}/raw", IDX_FILES, downloads=downloads, **more)


def _cifar_files(name: str, loader: Any) -> Published:
    sums = {**dict(loader.train_list), **dict(loader.test_list), loader.meta["filename"]: loader.meta["md5"]}
    archive = ((loader.url, loader.tgz_md5),)
    return Published(name, loader.base_folder, tuple(sums), sums, archive, unpacks_folder=True)


FASHION_FILES = _idx_files("fashion", _SETS.FashionMNIST, debian_folder="/usr/share/datasets/fashion-mnist")
KUZUSHIJI_FILES = _idx_files("kuzushiji", _SETS.KMNIST, sums=dict(_SETS.KMNIST.resources))
CIFAR10_FILES = _cifar_files("cifar10", _SETS.CIFAR10)
CIFAR100_FILES = _cifar_files("cifar100", _SETS.CIFAR100)


@dataclass(frozen=True)
class NamedDataset:
    """An entry of ``DATASETS``."""

    summary: str  # what it is and how large, in one line
    source: str  # its authors and its licence
    files: Published | None  # its published files; ``None`` if it is bundled
    places: str  # what ``--data-dir`` holds, or a folder in it (torchvision's layout); "" if it is bundled
    read: Callable[[Path], tuple[ArraySet, ImageArrays] | FolderListing]
    small_images: bool = True  # 28 to 64 pixels

    @property
    def downloads(self) -> bool:
        """Whether ``--download`` can fetch it."""
        return self.files is not None and bool(self.files.downloads)

    def load(self, config: DataConfig, *, test_only: bool) -> DataBundle:
        """Find the files and build the splits; with ``test_only`` all but the test images may be missing."""
        files = self.files
        folder = find_published(files, config.data_dir, download=config.download) if files else SAMPLE.parent
        found = self.read(folder)
        notes = compare_with_published(files, folder) if files else ()
        if not isinstance(found, FolderListing):
            return bundle_of_arrays(*found, config, notes=notes)
        if not test_only and "train" not in found.splits:
            raise BadInputError(f"expected class folders in {folder / 'train'}, got no such folder; see --data-dir")
        listing = replace(found, notes=(*notes, *found.notes))
        return bundle_of_files(config.dataset, listing, config, root=folder)


DATASETS: Mapping[str, NamedDataset] = {
    "fashion-sample": NamedDataset(
        "12,000 + 4,000 images of Fashion-MNIST, bundled (default)",
        _FASHION_SOURCE,
        None,
        "",
        lambda _folder: (replace(FASHION, name="fashion-sample"), read_sample()),
    ),
    "fashion": NamedDataset(
        "Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28 px, 10 classes, 31 MB",
        _FASHION_SOURCE,
        FASHION_FILES,
        "the four idx files, plain or .gz; FashionMNIST/raw/; Debian's dataset-fashion-mnist",
        lambda folder: (FASHION, read_fashion(folder)),
    ),
    "kuzushiji": NamedDataset(
        "Kuzushiji-MNIST: 60,000 + 10,000 Japanese characters, 28 px, 10 classes, 21 MB",
        "Clanuwat et al., arXiv 1812.01718; CC BY-SA 4.0",
        KUZUSHIJI_FILES,
        "the four idx files, plain or .gz; KMNIST/raw/",
        lambda folder: (KUZUSHIJI, read_kuzushiji(folder, classes=10)),
    ),
    "cifar10": NamedDataset(
        "CIFAR-10: 50,000 + 10,000 colour images, 32 px, 10 classes, 170 MB",
        _CIFAR_SOURCE,
        CIFAR10_FILES,
        "data_batch_1 to 5, test_batch, batches.meta; cifar-10-batches-py/",
        lambda folder: read_cifar(folder, CIFAR10, _SETS.CIFAR10, labels="labels"),
    ),
    "cifar100": NamedDataset(
        "CIFAR-100: 50,000 + 10,000 colour images, 32 px, 100 classes, 169 MB",
        _CIFAR_SOURCE,
        CIFAR100_FILES,
        "train, test, meta; cifar-100-python/",
        lambda folder: read_cifar(folder, CIFAR100, _SETS.CIFAR100, labels="fine_labels"),
    ),
    "flowers": NamedDataset(
        "Oxford 102 Flowers: 1,020 + 1,020 validation + 6,149 photographs, 345 MB",
        "Nilsback and Zisserman, ICVGIP 2008; no licence stated",
        Published(
            "flowers",
            "flowers-102",
            needed=("jpg", FLOWER_LABELS, FLOWER_SPLITS),
            sums=dict(_FLOWERS._file_dict[key] for key in ("label", "setid")),
            downloads=tuple((_FLOWERS._download_url_prefix + file, md5) for file, md5 in _FLOWERS._file_dict.values()),
        ),
        "jpg/, imagelabels.mat, setid.mat; flowers-102/",
        list_flowers,
        small_images=False,
    ),
    "food101": NamedDataset(
        "Food-101: 75,750 + 25,250 photographs of dishes, 101 classes, 5 GB",
        "Bossard, Guillaumin, Van Gool, ECCV 2014; pictures from Foodspotting, for research",
        Published(
            "food101",
            "food-101",
            needed=("images", "meta/train.json", "meta/test.json"),
            downloads=((_SETS.Food101._URL, _SETS.Food101._MD5),),
            unpacks_folder=True,
        ),
        "images/, meta/train.json, meta/test.json; food-101/",
        list_food,
        small_images=False,
    ),
    "imagenette": NamedDataset(
        "Imagenette: 9,469 + 3,925 photographs of 10 ImageNet classes, 320 px, 342 MB",
        "Howard, imagenette of fast.ai; Apache-2.0, the pictures as ImageNet's",
        Published(
            "imagenette",
            "imagenette2-320",
            other_folders=("imagenette2", "imagenette2-160"),
            needed=("train", "val"),
            downloads=(_SETS.Imagenette._ARCHIVES["320px"],),
            unpacks_folder=True,
        ),
        "train/ and val/ of WordNet ids; imagenette2-320/, imagenette2/, imagenette2-160/",
        list_imagenet,
        small_images=False,
    ),
    "imagenet": NamedDataset(
        "ImageNet 2012: 1,281,167 + 50,000 photographs, 1,000 classes, 145 GB",
        "Russakovsky et al., arXiv 1409.0575; for research, after registration",
        Published("imagenet", ".", needed=("val",)),
        "train/ and val/, in both a folder named by its WordNet id for each class",
        list_imagenet,
        small_images=False,
    ),
}
"""Name -> data set. The test sets are the official ones (``val/`` of ImageNet and Imagenette). Flowers has official
validation images; elsewhere a tenth of the training images of every class validates."""


def load_data(config: DataConfig, *, test_only: bool = False) -> DataBundle:
    """Load what ``config.dataset`` names: an entry of ``DATASETS`` or the path of an image folder.

    With ``test_only``, other splits than the test images may be missing, and are then empty. UsageError for an unknown
    name or settings that the data set does not read, BadInputError for files that are missing, damaged or unfit,
    EnvironmentProblem for a failed download.
    """
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
