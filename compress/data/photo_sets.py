"""File lists of published data sets of photographs: Flowers-102, Food-101, and ImageNet with names of its classes.

Four lists of names are known: the devkit's ``meta.mat``, torchvision's ``meta.bin`` made from it, Keras's class index
(JSON) and Kaggle's list of synsets (text). Without a list beside the images, torchvision's names are used.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compress.data.formats import parsing, read_bytes, read_json, read_mat
from compress.data.images import SUFFIXES
from compress.data.layout import FolderListing
from compress.errors import BadInputError
from compress.exporter_faults import open_file
from compress.lists import listed
from models_zoo.torchvision_mend import torchvision

_FLOWERS = torchvision.datasets.Flowers102
FLOWER_LABELS, FLOWER_SPLITS = (_FLOWERS._file_dict[key][0] for key in ("label", "setid"))
_WORDNET_ID = re.compile(r"n\d{8}")
_MAX_LIST_BYTES = 2**26
_Names = dict[str, str]
"""WordNet id -> synonyms, separated by commas."""

_TEN_KNOWN: _Names = {one: ", ".join(names) for one, names in torchvision.datasets.Imagenette._WNID_TO_CLASS.items()}


def list_flowers(folder: Path) -> FolderListing:
    """Flowers-102 (Nilsback and Zisserman, ICVGIP 2008) or a part of it: classes without images are left out."""
    classes, splits = _FLOWERS.classes, _FLOWERS._splits_map
    labels = _whole_numbers(read_mat(folder / FLOWER_LABELS, ["labels"])["labels"], folder / FLOWER_LABELS)
    if min(labels) < 1 or max(labels) > len(classes):
        raise BadInputError(f"expected labels of 1 to {len(classes)} in {folder / FLOWER_LABELS}, got others")
    found = read_mat(folder / FLOWER_SPLITS, tuple(splits.values()))
    numbers = {split: _whole_numbers(found[key], folder / FLOWER_SPLITS) for split, key in splits.items()}
    listed = {number for part in numbers.values() for number in part}
    if odd := sorted(number for number in listed if not 1 <= number <= len(labels)):
        raise BadInputError(
            f"expected images 1 to {len(labels)} of {folder / FLOWER_LABELS} in {FLOWER_SPLITS}, got image {odd[0]}"
        )
    present = sorted({labels[number - 1] for number in listed})
    files = {
        split: tuple((folder / "jpg" / f"image_{number:05d}.jpg", present.index(labels[number - 1])) for number in part)
        for split, part in numbers.items()
    }
    left_out = f"{len(present)} of the {len(classes)} classes have images; the others are left out"
    notes = (left_out,) if len(present) < len(classes) else ()
    return FolderListing(tuple(classes[label - 1] for label in present), files, notes)


def _whole_numbers(values: NDArray[Any], path: Path) -> list[int]:
    """A row or column of whole numbers; MATLAB stores them as any type."""
    if values.ndim != 1 or not values.size or values.dtype.kind not in "iuf" or (values != np.round(values)).any():
        raise BadInputError(f"expected a row of whole numbers in {path}, got {values.dtype} {values.shape}")
    return [int(value) for value in values]


def list_food(folder: Path) -> FolderListing:
    """Food-101 (Bossard, Guillaumin, Van Gool, ECCV 2014) or a part of it."""
    lists = {split: _read_food_list(folder / "meta" / f"{split}.json") for split in ("train", "test")}
    odd = lists["train"].keys() ^ lists["test"].keys()
    if odd:
        raise BadInputError(
            f"expected the same classes in train.json and test.json of {folder / 'meta'}, got one list alone with: "
            f"{listed(sorted(odd))}"
        )
    names = sorted(lists["train"])
    files = {
        split: tuple(
            (folder / "images" / f"{place}.jpg", label) for label, name in enumerate(names) for place in listed[name]
        )
        for split, listed in lists.items()
    }
    return FolderListing(tuple(name.replace("_", " ") for name in names), files, ())


def _read_food_list(path: Path) -> dict[str, list[str]]:
    """Class -> its images as ``folder/name`` under ``images/``, without suffix."""
    found = read_json(path)
    if not isinstance(found, dict) or len(found) < 2 or not all(map(_are_places, found.values())):
        raise BadInputError(f"expected a JSON object of class -> [class/image, ...] in {path}, got something else")
    return found


def _are_places(value: object) -> bool:
    """Whether this is a list of ``folder/name``; none may lead out of the data set's folder."""
    return isinstance(value, list) and all(
        isinstance(place, str) and re.fullmatch(r"(?!\.{1,2}/)[^/\\\0]+/(?!\.{1,2}$)[^/\\\0]+", place)
        for place in value
    )


def list_imagenet(folder: Path) -> FolderListing:
    """ImageNet (Russakovsky et al., arXiv 1409.0575) or Imagenette; without ``train/`` only the test images.

    ``val/`` is the test set. A label is the place of the id among the sorted ids, as in published weights.
    """
    places = {split: folder / name for split, name in (("train", "train"), ("test", "val"))}
    found = {split: _wordnet_folders(place) for split, place in places.items() if split == "test" or place.is_dir()}
    ids = found["test"]
    odd = sorted(set(found.get("train", ids)) ^ set(ids))
    if odd:
        raise BadInputError(
            f"expected the same class folders in train/ and val/ of {folder}, got {len(odd)} in one of them "
            f"alone: {listed(odd)}"
        )
    files = {
        split: tuple(
            (places[split] / one / name, label)
            for label, one in enumerate(ids)
            for name in _image_names(places[split] / one)
        )
        for split in found
    }
    return FolderListing(class_names(folder, ids), files, ("val/ is the test set",))


def _wordnet_folders(folder: Path) -> list[str]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise BadInputError(f"expected class folders in {folder}: {error.strerror}; see --data-dir") from None
    found = sorted(entry.name for entry in entries if _WORDNET_ID.fullmatch(entry.name) and entry.is_dir())
    if len(found) < 2:
        loose = len(_image_names(folder))
        raise BadInputError(
            f"expected two or more folders named by WordNet ids (n01440764) in {folder}, got {len(found)}"
            + (f" and {loose} images without a class; try torchvision.datasets.ImageNet to sort them" if loose else "")
        )
    return found


def _image_names(folder: Path) -> list[str]:
    """Names of the images in one folder; sorting a million paths instead would take long."""
    names = sorted(os.listdir(folder))
    return [name for name in names if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")]


def class_names(folder: Path, ids: Sequence[str]) -> tuple[str, ...]:
    """A different name for each WordNet id (sorted), from a list in ``folder`` or torchvision's.

    The name is the first synonym, followed by the id if two classes share it ("crane", bird and machine), or the id
    alone if no list has it.
    """
    names = _read_names(folder) or _names_of_torchvision(ids)
    short = [names.get(one, one).split(",")[0].strip() or one for one in ids]
    counts = Counter(short)
    return tuple(name if counts[name] == 1 else f"{name} ({one})" for name, one in zip(short, ids, strict=True))


def _read_names(folder: Path) -> _Names:
    for place, read in _READERS.items():
        if (folder / place).is_file():
            open_file(folder / place, limit=_MAX_LIST_BYTES, kind="list of class names").close()
            with parsing(folder / place, "a list of class names", hint="mend or remove it"):
                return read(folder / place)
    return {}


def _names_of_torchvision(ids: Sequence[str]) -> _Names:
    """Torchvision's thousand names are in the order of the sorted ids; ten known ids confirm that order."""
    names = dict(zip(ids, torchvision.models._meta._IMAGENET_CATEGORIES, strict=False))
    whole = len(ids) == len(torchvision.models._meta._IMAGENET_CATEGORIES)
    agree = all(names.get(one) == synonyms.split(",")[0] for one, synonyms in _TEN_KNOWN.items())
    return names if whole and agree else _TEN_KNOWN


def _from_devkit(path: Path) -> _Names:
    synsets = read_mat(path, ["synsets"])["synsets"]
    return {str(one): str(words) for one, words in zip(synsets["WNID"], synsets["words"], strict=True)}


def _from_torchvision(path: Path) -> _Names:
    names, _validation = torch.load(path, weights_only=True)
    return {str(one): ", ".join(synonyms) for one, synonyms in names.items()}


_READERS: dict[str, Callable[[Path], _Names]] = {
    "ILSVRC2012_devkit_t12/data/meta.mat": _from_devkit,
    "meta.mat": _from_devkit,
    "meta.bin": _from_torchvision,
    "imagenet_class_index.json": lambda path: {
        str(one): str(name).replace("_", " ") for one, name in read_json(path).values()
    },
    "LOC_synset_mapping.txt": lambda path: dict(
        line.split(maxsplit=1) for line in read_bytes(path).decode().splitlines() if line.strip()
    ),
}
