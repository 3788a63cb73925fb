"""File lists of published data sets of photographs: Flowers-102 and Food-101."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.data.formats import read_json, read_mat
from compress.data.layout import FolderListing
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision

_FLOWERS = torchvision.datasets.Flowers102
FLOWER_LABELS, FLOWER_SPLITS = (_FLOWERS._file_dict[key][0] for key in ("label", "setid"))


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
            f"{', '.join(sorted(odd))}"
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
