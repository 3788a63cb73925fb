"""Data sets by name: what each is, where it is looked for, and how it is loaded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from compress.data.arrays import ArrayOptions, bundle_of_arrays
from compress.data.bundle import DataBundle
from compress.data.cifar import CIFAR10, CIFAR100, CifarSet, read_cifar
from compress.data.fashion import FASHION, SAMPLE_NAME, read_sample
from compress.data.fashion_files import find_full, read_full
from compress.data.flowers import FLOWERS, load_flowers
from compress.data.folder import FolderOptions
from compress.data.food import FOOD101, load_food101
from compress.data.imagenet import IMAGENET, IMAGENETTE, load_imagenet
from compress.data.kuzushiji import KUZUSHIJI, KUZUSHIJI_FILES, read_kuzushiji
from compress.data.published import Published, compare_with_published, find_published
from compress.settings.config import DataConfig


@dataclass(frozen=True)
class NamedDataset:
    """An entry of ``DATASETS``.

    Attributes:
        summary: one line: what it is and how large.
        source: who made it, and under which licence it may be used.
        places: what ``--data-dir`` holds, or a folder in it (torchvision's layout); "" where it is bundled.
        load: settings -> data.
        small_images: 28 to 64 pixels.
        downloads: ``--download`` can fetch it.
        load_test: the same for a verdict alone, where test images without others will do.
    """

    summary: str
    source: str
    places: str
    load: Callable[[DataConfig], DataBundle]
    small_images: bool = True
    downloads: bool = True
    load_test: Callable[[DataConfig], DataBundle] | None = None


def folder_options(config: DataConfig) -> FolderOptions:
    """What settings say of images in files."""
    return FolderOptions(
        image_size=config.image_size,
        seed=config.seed,
        skip_bad=config.skip_bad,
        workers=config.workers,
        channels=config.channels,
        augment=config.augment or "default",
    )


def _array_options(config: DataConfig) -> ArrayOptions:
    return ArrayOptions(
        image_size=config.image_size, seed=config.seed, channels=config.channels, augment=config.augment or "default"
    )


def _load_sample(config: DataConfig) -> DataBundle:
    return bundle_of_arrays(FASHION, read_sample(), _array_options(config), name=SAMPLE_NAME)


def _load_fashion(config: DataConfig) -> DataBundle:
    folder = find_full(config.data_dir, download=config.download)
    return bundle_of_arrays(FASHION, read_full(folder), _array_options(config))


def _load_kuzushiji(config: DataConfig) -> DataBundle:
    folder = find_published(KUZUSHIJI_FILES, config.data_dir, download=config.download)
    notes = compare_with_published(KUZUSHIJI_FILES, folder)
    return bundle_of_arrays(KUZUSHIJI, read_kuzushiji(folder), _array_options(config), notes=notes)


def _load_cifar(cifar: CifarSet, config: DataConfig) -> DataBundle:
    folder = find_published(cifar.published, config.data_dir, download=config.download)
    known, arrays = read_cifar(cifar, folder)
    notes = compare_with_published(cifar.published, folder)
    return bundle_of_arrays(known, arrays, _array_options(config), notes=notes)


def _load_flowers(config: DataConfig) -> DataBundle:
    folder = find_published(FLOWERS, config.data_dir, download=config.download)
    return load_flowers(folder, folder_options(config), notes=compare_with_published(FLOWERS, folder))


def _load_food101(config: DataConfig) -> DataBundle:
    return load_food101(find_published(FOOD101, config.data_dir, download=config.download), folder_options(config))


def _load_imagenet(published: Published, config: DataConfig, *, test_only: bool = False) -> DataBundle:
    folder = find_published(published, config.data_dir, download=config.download)
    return load_imagenet(published, folder, folder_options(config), test_only=test_only)


DATASETS: Mapping[str, NamedDataset] = MappingProxyType(
    {
        "fashion-sample": NamedDataset(
            "12,000 + 4,000 images of Fashion-MNIST, bundled (default)",
            source="Xiao, Rasul, Vollgraf, arXiv 1708.07747; MIT licence",
            places="",
            load=_load_sample,
            downloads=False,
        ),
        "fashion": NamedDataset(
            "Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28 px, 10 classes, 31 MB",
            source="Xiao, Rasul, Vollgraf, arXiv 1708.07747; MIT licence",
            places="the four idx files, plain or .gz; FashionMNIST/raw/; Debian's dataset-fashion-mnist",
            load=_load_fashion,
        ),
        "kuzushiji": NamedDataset(
            "Kuzushiji-MNIST: 60,000 + 10,000 Japanese characters, 28 px, 10 classes, 21 MB",
            source="Clanuwat et al., arXiv 1812.01718; CC BY-SA 4.0",
            places="the four idx files, plain or .gz; KMNIST/raw/",
            load=_load_kuzushiji,
        ),
        "cifar10": NamedDataset(
            "CIFAR-10: 50,000 + 10,000 colour images, 32 px, 10 classes, 170 MB",
            source="Krizhevsky, Learning multiple layers of features from tiny images, 2009; no licence stated",
            places="data_batch_1 to 5, test_batch, batches.meta; cifar-10-batches-py/",
            load=partial(_load_cifar, CIFAR10),
        ),
        "cifar100": NamedDataset(
            "CIFAR-100: 50,000 + 10,000 colour images, 32 px, 100 classes, 169 MB",
            source="Krizhevsky, Learning multiple layers of features from tiny images, 2009; no licence stated",
            places="train, test, meta; cifar-100-python/",
            load=partial(_load_cifar, CIFAR100),
        ),
        "flowers": NamedDataset(
            "Oxford 102 Flowers: 1,020 + 1,020 validation + 6,149 photographs, 345 MB",
            source="Nilsback and Zisserman, ICVGIP 2008; no licence stated",
            places="jpg/, imagelabels.mat, setid.mat; flowers-102/",
            load=_load_flowers,
            small_images=False,
        ),
        "food101": NamedDataset(
            "Food-101: 75,750 + 25,250 photographs of dishes, 101 classes, 5 GB",
            source="Bossard, Guillaumin, Van Gool, ECCV 2014; pictures from Foodspotting, for research",
            places="images/, meta/train.json, meta/test.json; food-101/",
            load=_load_food101,
            small_images=False,
        ),
        "imagenette": NamedDataset(
            "Imagenette: 9,469 + 3,925 photographs of 10 ImageNet classes, 320 px, 342 MB",
            source="Howard, imagenette of fast.ai; Apache-2.0, the pictures as ImageNet's",
            places="train/ and val/ of WordNet ids; imagenette2-320/, imagenette2/, imagenette2-160/",
            load=partial(_load_imagenet, IMAGENETTE),
            small_images=False,
        ),
        "imagenet": NamedDataset(
            "ImageNet 2012: 1,281,167 + 50,000 photographs, 1,000 classes, 145 GB",
            source="Russakovsky et al., arXiv 1409.0575; for research, after registration",
            places="train/ and val/, a folder called by its WordNet id for each class in both",
            load=partial(_load_imagenet, IMAGENET),
            small_images=False,
            downloads=False,
            load_test=partial(_load_imagenet, IMAGENET, test_only=True),
        ),
    }
)
"""Name -> data set. The test sets are the official ones (ImageNet's and Imagenette's: ``val/``); Flowers validates on
its own images, of all others a tenth of the training images, class by class, validates."""
