"""How an image folder is laid out: which splits and classes, and which files are their images.

``train/`` and ``test/`` (``val/`` beside it or instead of it), in each one folder a class; or the class
folders alone. Images lie in a class folder at any depth. Links are followed; hidden files are no images.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from compress.data.images import SUFFIXES
from compress.data.scan import SPLITS, LabelledPath
from compress.errors import BadInputError

FOLDER_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{"train": "train", "training": "train"},
        **{"val": "val", "valid": "val", "validation": "val"},
        **{"test": "test", "testing": "test"},
    }
)
"""What a split's folder may be called, in any case -> the split."""


@dataclass(frozen=True)
class FolderListing:
    """What a folder says it holds, before any file is opened.

    Attributes:
        classes: names, sorted; the label is the index.
        splits: the images of each split that exists and their labels, by class, then by path. Class
            folders alone are all "train".
        notes: what was left out.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[LabelledPath, ...]]
    notes: tuple[str, ...]


def list_folder(root: Path, *, test_only: bool = False) -> FolderListing:
    """List the splits, classes and images of a folder.

    Args:
        root: the folder.
        test_only: ``test/``, or ``val/``, is enough; class folders alone are all "test".

    Raises:
        BadInputError: the folder is not as expected; every fault of the same kind is named.
    """
    places = _split_folders(root)
    plain = not places
    if plain:
        places = {"test" if test_only else "train": root}
    elif not test_only and "train" not in places:
        raise _unexpected(root, "train/ and test/ (or val/)")
    elif test_only and places.keys() == {"train"}:
        raise _unexpected(root, "test/ (or val/)")
    classes = _read_classes(root, places)
    files = {split: _list_files(place, classes) for split, place in places.items()}
    images = {split: tuple(file for file in files[split] if file[0].suffix.lower() in SUFFIXES) for split in files}
    if plain:
        _check_plain(root, classes, *images.values())
    others = sum(map(len, files.values())) - sum(map(len, images.values()))
    note = f"{others} files in class folders have no image suffix and were left out"
    return FolderListing(classes, images, notes=(note,) if others else ())


def _split_folders(root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name in _subfolders(root):
        split = FOLDER_NAMES.get(name.lower())
        if split in found:
            raise BadInputError(f"expected one folder for {split}/ in {root}, got {found[split].name}/ and {name}/")
        if split is not None:
            found[split] = root / name
    return {split: found[split] for split in SPLITS if split in found}


def _unexpected(root: Path, needed: str) -> BadInputError:
    got = ", ".join(f"{name}/" for name in _subfolders(root)) or "no folders"
    return BadInputError(f"expected {needed} with class folders in {root}, or class folders alone, got {got}")


def _read_classes(root: Path, places: Mapping[str, Path]) -> tuple[str, ...]:
    found = {place: _subfolders(place) for place in places.values()}
    leading, classes = next(iter(found.items()))
    if leading == root and len(classes) < 2:
        raise _unexpected(root, "train/ and test/ (or val/)")
    if len(classes) < 2:
        raise BadInputError(f"expected two or more class folders in {leading}, got {list(classes)}")
    faults = [
        f"{place}: missing {sorted(set(classes) - set(names))}, unexpected {sorted(set(names) - set(classes))}"
        for place, names in found.items()
        if names != classes
    ]
    if faults:
        raise BadInputError(
            f"expected the class folders of {leading.name}/ in every split, got\n  " + "\n  ".join(faults)
        )
    return classes


def _check_plain(root: Path, classes: tuple[str, ...], images: tuple[LabelledPath, ...]) -> None:
    """Folders that nobody called splits are classes only if they look like classes."""
    empty = sorted(set(classes) - {classes[label] for _path, label in images})
    if empty:
        raise BadInputError(
            f"expected train/ and test/ (or val/) with class folders in {root}, or class folders alone, "
            f"got no images in {', '.join(f'{name}/' for name in empty)}"
        )
    inside = {_subfolders(root / name) for name in classes}
    if len(inside) == 1 and len(shared := inside.pop()) > 1:
        raise BadInputError(
            f"expected class folders in {root}, got {', '.join(f'{name}/' for name in classes)} which all hold "
            f"{', '.join(f'{name}/' for name in shared)}; if they are splits, try to call them train/, val/ and test/"
        )


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
