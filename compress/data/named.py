"""Data sets by name: what each is, where its files are, and how it is loaded.

torchvision's ``datasets`` give class names, file names, addresses and checksums. Its classes accept only the published
files in its own folders; the readers here also accept a part of a data set or other images in the same format.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from compress.data.array_sets import IDX_FILES, read_cifar, read_fashion, read_kuzushiji, read_sample
from compress.data.arrays import ArraySet, ImageArrays, bundle_of_arrays
from compress.data.augment import RECIPES
from compress.data.bundle import DataBundle
from compress.data.folder import bundle_of_files
from compress.data.layout import FolderListing
from compress.data.photo_sets import FLOWER_LABELS, FLOWER_SPLITS, list_flowers, list_food, list_imagenet
from compress.data.published import Published, compare_with_published, find_published
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision

_SETS = torchvision.datasets
_FASHION_SOURCE = "Xiao, Rasul, Vollgraf, arXiv 1708.07747; MIT licence"
_CIFAR_SOURCE = "Krizhevsky, Learning multiple layers of features from tiny images, 2009; no licence stated"

FASHION = ArraySet("fashion", tuple(_SETS.FashionMNIST.classes), (0.2860,), (0.3530,), 48, RECIPES["fashion"])
KUZUSHIJI = ArraySet("kuzushiji", tuple(_SETS.KMNIST.classes), (0.1918,), (0.3483,), 48, RECIPES["kuzushiji"])
CIFAR10 = ArraySet("cifar10", (), (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), 32, RECIPES["cifar10"])
CIFAR100 = ArraySet("cifar100", (), (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), 32, RECIPES["cifar100"])
"""CIFAR's class names are in its files."""


def _idx_files(name: str, loader: Any, **more: Any) -> Published:
    return Published(
        name=name,
        folder=f"{loader.__name__}/raw",
        needed=IDX_FILES,
        downloads=tuple((loader.mirrors[0] + file, md5) for file, md5 in loader.resources),
        **more,
    )


def _cifar_files(name: str, loader: Any) -> Published:
    sums = {**dict(loader.train_list), **dict(loader.test_list), loader.meta["filename"]: loader.meta["md5"]}
    return Published(
        name=name,
        folder=loader.base_folder,
        needed=tuple(sums),
        sums=sums,
        downloads=((loader.url, loader.tgz_md5),),
        unpacks_folder=True,
    )


FASHION_FILES = _idx_files("fashion", _SETS.FashionMNIST, debian_folder="/usr/share/datasets/fashion-mnist")
KUZUSHIJI_FILES = _idx_files("kuzushiji", _SETS.KMNIST, sums=dict(_SETS.KMNIST.resources))
CIFAR10_FILES = _cifar_files("cifar10", _SETS.CIFAR10)
CIFAR100_FILES = _cifar_files("cifar100", _SETS.CIFAR100)
FLOWERS_FILES = Published(
    name="flowers",
    folder="flowers-102",
    needed=("jpg", FLOWER_LABELS, FLOWER_SPLITS),
    sums=dict(_SETS.Flowers102._file_dict[key] for key in ("label", "setid")),
    downloads=tuple(
        (_SETS.Flowers102._download_url_prefix + file, md5) for file, md5 in _SETS.Flowers102._file_dict.values()
    ),
)
FOOD_FILES = Published(
    name="food101",
    folder="food-101",
    needed=("images", "meta/train.json", "meta/test.json"),
    downloads=((_SETS.Food101._URL, _SETS.Food101._MD5),),
    unpacks_folder=True,
)
IMAGENETTE_FILES = Published(
    name="imagenette",
    folder="imagenette2-320",
    other_folders=("imagenette2", "imagenette2-160"),
    needed=("train", "val"),
    downloads=(_SETS.Imagenette._ARCHIVES["320px"],),
    unpacks_folder=True,
)
IMAGENET_FILES = Published(name="imagenet", folder=".", needed=("val",))


@dataclass(frozen=True)
class NamedDataset:
    """An entry of ``DATASETS``.

    Attributes:
        summary: what it is and how large, in one line.
        source: its authors and its licence.
        places: what ``--data-dir`` holds, or a folder in it (torchvision's layout); "" if it is bundled.
        load: settings -> data; ``test_only=True`` where test images are enough.
        small_images: 28 to 64 pixels.
        downloads: ``--download`` can fetch it.
    """

    summary: str
    source: str
    places: str
    load: Callable[..., DataBundle]
    small_images: bool = True
    downloads: bool = True


def _load_sample(config: DataConfig, *, test_only: bool) -> DataBundle:  # noqa: ARG001
    return bundle_of_arrays(replace(FASHION, name="fashion-sample"), read_sample(), config)


def _load_idx(
    known: ArraySet,
    files: Published,
    read: Callable[[Path], ImageArrays],
    config: DataConfig,
    *,
    test_only: bool,  # noqa: ARG001
) -> DataBundle:
    folder = find_published(files, config.data_dir, download=config.download)
    return bundle_of_arrays(known, read(folder), config, notes=compare_with_published(files, folder))


def _load_cifar(
    known: ArraySet,
    files: Published,
    loader: Any,
    config: DataConfig,
    *,
    test_only: bool,  # noqa: ARG001
) -> DataBundle:
    folder = find_published(files, config.data_dir, download=config.download)
    train, test = ([name for name, _ in batches] for batches in (loader.train_list, loader.test_list))
    meta = loader.meta["filename"], loader.meta["key"]
    labels = "labels" if known is CIFAR10 else "fine_labels"
    classes, arrays = read_cifar(folder, train=train, test=test, meta=meta, labels=labels)
    notes = compare_with_published(files, folder)
    return bundle_of_arrays(replace(known, classes=classes), arrays, config, notes=notes)


def _load_photos(
    files: Published, list_files: Callable[..., FolderListing], config: DataConfig, *, test_only: bool
) -> DataBundle:
    folder = find_published(files, config.data_dir, download=config.download)
    listing = list_files(folder, test_only=test_only)
    notes = (*compare_with_published(files, folder), *listing.notes)
    return bundle_of_files(files.name, replace(listing, notes=notes), config, root=folder)


DATASETS: Mapping[str, NamedDataset] = MappingProxyType(
    {
        "fashion-sample": NamedDataset(
            "12,000 + 4,000 images of Fashion-MNIST, bundled (default)",
            source=_FASHION_SOURCE,
            places="",
            load=_load_sample,
            downloads=False,
        ),
        "fashion": NamedDataset(
            "Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28 px, 10 classes, 31 MB",
            source=_FASHION_SOURCE,
            places="the four idx files, plain or .gz; FashionMNIST/raw/; Debian's dataset-fashion-mnist",
            load=partial(_load_idx, FASHION, FASHION_FILES, read_fashion),
        ),
        "kuzushiji": NamedDataset(
            "Kuzushiji-MNIST: 60,000 + 10,000 Japanese characters, 28 px, 10 classes, 21 MB",
            source="Clanuwat et al., arXiv 1812.01718; CC BY-SA 4.0",
            places="the four idx files, plain or .gz; KMNIST/raw/",
            load=partial(_load_idx, KUZUSHIJI, KUZUSHIJI_FILES, partial(read_kuzushiji, classes=10)),
        ),
        "cifar10": NamedDataset(
            "CIFAR-10: 50,000 + 10,000 colour images, 32 px, 10 classes, 170 MB",
            source=_CIFAR_SOURCE,
            places="data_batch_1 to 5, test_batch, batches.meta; cifar-10-batches-py/",
            load=partial(_load_cifar, CIFAR10, CIFAR10_FILES, _SETS.CIFAR10),
        ),
        "cifar100": NamedDataset(
            "CIFAR-100: 50,000 + 10,000 colour images, 32 px, 100 classes, 169 MB",
            source=_CIFAR_SOURCE,
            places="train, test, meta; cifar-100-python/",
            load=partial(_load_cifar, CIFAR100, CIFAR100_FILES, _SETS.CIFAR100),
        ),
        "flowers": NamedDataset(
            "Oxford 102 Flowers: 1,020 + 1,020 validation + 6,149 photographs, 345 MB",
            source="Nilsback and Zisserman, ICVGIP 2008; no licence stated",
            places="jpg/, imagelabels.mat, setid.mat; flowers-102/",
            load=partial(_load_photos, FLOWERS_FILES, list_flowers),
            small_images=False,
        ),
        "food101": NamedDataset(
            "Food-101: 75,750 + 25,250 photographs of dishes, 101 classes, 5 GB",
            source="Bossard, Guillaumin, Van Gool, ECCV 2014; pictures from Foodspotting, for research",
            places="images/, meta/train.json, meta/test.json; food-101/",
            load=partial(_load_photos, FOOD_FILES, list_food),
            small_images=False,
        ),
        "imagenette": NamedDataset(
            "Imagenette: 9,469 + 3,925 photographs of 10 ImageNet classes, 320 px, 342 MB",
            source="Howard, imagenette of fast.ai; Apache-2.0, the pictures as ImageNet's",
            places="train/ and val/ of WordNet ids; imagenette2-320/, imagenette2/, imagenette2-160/",
            load=partial(_load_photos, IMAGENETTE_FILES, list_imagenet),
            small_images=False,
        ),
        "imagenet": NamedDataset(
            "ImageNet 2012: 1,281,167 + 50,000 photographs, 1,000 classes, 145 GB",
            source="Russakovsky et al., arXiv 1409.0575; for research, after registration",
            places="train/ and val/, in both a folder named by its WordNet id for each class",
            load=partial(_load_photos, IMAGENET_FILES, list_imagenet),
            small_images=False,
            downloads=False,
        ),
    }
)
"""Name -> data set. The test sets are the official ones (``val/`` of ImageNet and Imagenette). Flowers has official
validation images; elsewhere a tenth of the training images of every class validates."""
