"""Food-101 (Bossard, Guillaumin, Van Gool, ECCV 2014): photographs of dishes, listed in JSON."""

import json
from pathlib import Path

from compress.data.bundle import DataBundle
from compress.data.folder import FolderOptions, bundle_of_files
from compress.data.published import Download, Published
from compress.data.scan import LabelledPath
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision

_FOOD = torchvision.datasets.Food101

FOOD101 = Published(
    name="food101",
    folders=("food-101",),
    needed=("images", "meta/train.json", "meta/test.json"),
    downloads=(Download(_FOOD._URL, _FOOD._MD5, unpack=True),),
)


def load_food101(folder: Path, options: FolderOptions, *, notes: tuple[str, ...] = ()) -> DataBundle:
    """The official splits: 750 images of each class train, a tenth of them validates, 250 are the test set.

    Raises:
        BadInputError: the lists or images are unreadable or do not belong together.
    """
    train, test = (_read_list(folder / "meta" / f"{split}.json") for split in ("train", "test"))
    if train.keys() != test.keys():
        raise BadInputError(
            f"expected the same classes in train.json and test.json of {folder / 'meta'}, got others: "
            f"{', '.join(sorted(train.keys() ^ test.keys()))}"
        )
    names = sorted(train)
    splits = {split: _files(folder, lists, names) for split, lists in (("train", train), ("test", test))}
    classes = tuple(name.replace("_", " ") for name in names)
    return bundle_of_files(FOOD101.name, classes, splits, options, root=folder, notes=notes)


def _read_list(path: Path) -> dict[str, list[str]]:
    """Class -> places of its images under ``images/``, without suffix."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path} is no JSON: {error}; try to fetch it again") from None
    if not isinstance(found, dict) or len(found) < 2 or not all(map(_is_list_of_places, found.values())):
        raise BadInputError(f"expected a JSON object of class -> [class/image, ...] in {path}, got something else")
    return found


def _is_list_of_places(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(place, str) and _stays_inside(place) for place in value)


def _stays_inside(place: str) -> bool:
    parts = place.split("/")
    return len(parts) == 2 and not any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts)


def _files(folder: Path, lists: dict[str, list[str]], names: list[str]) -> list[LabelledPath]:
    return [(folder / "images" / f"{place}.jpg", label) for label, name in enumerate(names) for place in lists[name]]
