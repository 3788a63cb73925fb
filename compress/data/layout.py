"""How an image folder is laid out: which splits and classes, and which files are their images.

Expected: ``train/`` and ``test/`` (``val/`` beside it or instead of it), in each one folder a class,
in these images at any depth. Links are followed; hidden files are no images.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from compress.data.images import SUFFIXES
from compress.data.scan import SPLITS, LabelledPath
from compress.errors import BadInputError


@dataclass(frozen=True)
class FolderListing:
    """What a folder says it holds, before any file is opened.

    Attributes:
        classes: names, sorted; the label is the index.
        splits: the images of each split that exists and their labels, by class, then by path.
        notes: what was left out.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[LabelledPath, ...]]
    notes: tuple[str, ...]


def list_folder(root: Path, *, test_only: bool = False) -> FolderListing:
    """List the splits, classes and images of a folder.

    Args:
        root: the folder.
        test_only: ``test/``, or ``val/``, is enough.

    Raises:
        BadInputError: the folder is not as expected; every fault of the same kind is named.
    """
    classes = _read_classes(root, test_only=test_only)
    splits = {split: _list_files(root / split, classes) for split in SPLITS if (root / split).is_dir()}
    images = {
        split: tuple(file for file in files if file[0].suffix.lower() in SUFFIXES) for split, files in splits.items()
    }
    others = sum(map(len, splits.values())) - sum(map(len, images.values()))
    note = f"{others} files in class folders have no image suffix and were left out"
    return FolderListing(classes, images, notes=(note,) if others else ())


def _read_classes(root: Path, *, test_only: bool) -> tuple[str, ...]:
    found = {split: _subfolders(root / split) for split in SPLITS if (root / split).is_dir()}
    if found.keys() <= {"train"} or ("train" not in found and not test_only):
        needed = "test/ (or val/)" if test_only else "train/ and test/ (or val/)"
        raise BadInputError(
            f"expected {needed} with class folders in {root}, got "
            f"{', '.join(sorted(f'{name}/' for name in _subfolders(root))) or 'no folders'}"
        )
    leading, classes = next(iter(found.items()))
    if len(classes) < 2:
        raise BadInputError(f"expected two or more class folders in {root / leading}, got {list(classes)}")
    faults = [
        f"{root / split}: missing {sorted(set(classes) - set(names))}, unexpected {sorted(set(names) - set(classes))}"
        for split, names in found.items()
        if names != classes
    ]
    if faults:
        raise BadInputError(f"expected the class folders of {leading}/ in every split, got\n  " + "\n  ".join(faults))
    return classes


def _subfolders(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")))


def _list_files(folder: Path, classes: tuple[str, ...]) -> list[LabelledPath]:
    return [
        (Path(path), label)
        for label, name in enumerate(classes)
        for path in sorted(_walk(folder / name), key=lambda path: path.replace(os.sep, "\0"))  # as paths are sorted
    ]


def _walk(folder: Path) -> Iterator[str]:
    entered = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:  # a link back up
            folders.clear()
            continue
        entered.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(place, name) for name in files if not name.startswith("."))
