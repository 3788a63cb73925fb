"""The layout of an image folder: its splits and classes, and the images of each.

Either ``train/`` and ``test/`` (``val/`` besides or instead), each with one folder per class, or the class folders
alone. Images lie in a class folder at any depth. Links are followed; hidden files are ignored.

A folder called ``train`` may also be a class if other folders with images stand beside it. It is a class if no folder
with a split's name contains folders. Two or more that all contain folders are splits. Otherwise the user has to decide.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from unicodedata import normalize

from compress.data.images import SUFFIXES
from compress.data.scan import SPLITS, LabelledPath, printable
from compress.data.walk import walk
from compress.errors import BadInputError
from compress.lists import listed, listed_lines

_FOLDER_NAMES = {
    **{"train": "train", "training": "train"},
    **{"val": "val", "valid": "val", "validation": "val"},
    **{"test": "test", "testing": "test"},
}
"""Name of a folder in lower case -> its split."""


@dataclass(frozen=True)
class FolderListing:
    """The files of a data set, before any is opened: some of ``SPLITS`` -> its images and their labels.

    The label is the index into ``classes``; ``notes`` say what was left out or decided.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, Sequence[LabelledPath]]
    notes: tuple[str, ...]


def list_folder(root: Path, *, test_only: bool = False) -> FolderListing:
    """List the images of a folder, by class, then by path; class folders alone are all "train".

    With ``test_only``, ``test/`` or ``val/`` is enough, and class folders alone are all "test". A folder of another
    layout is a ``BadInputError`` that names the first faults of the same kind and counts the others.
    """
    places, notes = _split_folders(root)
    if not places:
        places = {"test" if test_only else "train": root}
    elif not test_only and "train" not in places:
        raise _unexpected(root)
    elif test_only and places.keys() == {"train"}:
        raise _unexpected(root, "test/ (or val/)")
    folders = {split: _class_folders(place) for split, place in places.items()}
    classes = _read_classes(root, {places[split]: tuple(named) for split, named in folders.items()})
    _check_names(root, classes)
    files = {split: _list_files([named[name] for name in classes]) for split, named in folders.items()}
    images = {split: tuple(file for file in files[split] if _is_image(file[0])) for split in files}
    others = {split: [file for file in files[split] if not _is_image(file[0])] for split in files}
    faults = [fault for split in files for fault in _without_images(folders[split], images[split], others[split])]
    if faults:
        raise BadInputError(
            f"expected images in every class folder ({', '.join(sorted(SUFFIXES))}), got only other files in"
            + listed_lines(faults)
        )
    if root in places.values():
        _check_plain(root, next(iter(folders.values())), *images.values())
    if left_out := [path for part in others.values() for path, _label in part]:
        notes += (f"files without an image suffix in class folders, left out: {_suffixes(left_out)}",)
    return FolderListing(classes, images, notes)


def would_hold_images(folder: Path, root: Path) -> bool:
    """Whether files in ``folder``, within the image folder ``root``, would count as images: not beside splits."""
    divided = [name for name in _subfolders(root) if name.lower() in _FOLDER_NAMES and _subfolders(root / name)]
    within = folder.relative_to(root).parts
    return not within or not divided or within[0].lower() in _FOLDER_NAMES


def _split_folders(root: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The folder of each split, none if all folders are classes; and a note on what was left out or decided."""
    names = _subfolders(root)
    named = [name for name in names if name.lower() in _FOLDER_NAMES]
    others = [name for name in names if name not in named]
    beside = [name for name in others if any(map(_is_image, map(Path, walk(root / name))))] if named else []
    divided = [name for name in named if _subfolders(root / name)]
    if beside and not divided:
        return {}, (f"{_listed(named)} read as classes, not as splits: they contain no folders",)
    if beside and (len(divided) < 2 or divided != named):
        raise BadInputError(
            f"expected either splits or class folders in {root}, got {_listed(named)} beside {_listed(beside)}: splits "
            f"or classes? If splits, try to move {_listed(beside)} elsewhere; if classes, to move all of them into a "
            f"new folder train/ (train/{named[0]}/, train/{beside[0]}/)"
        )
    found = {split: [name for name in named if _FOLDER_NAMES[name.lower()] == split] for split in SPLITS}
    for split, folders in found.items():
        if len(folders) > 1:
            raise BadInputError(f"expected one folder for {split}/ in {root}, got {folders[0]}/ and {folders[1]}/")
    note = f"{_listed(others)} beside {_listed(named)} left out"
    places = {split: root / folders[0] for split, folders in found.items() if folders}
    return places, (note,) if named and others else ()


def _listed(names: Iterable[str]) -> str:
    return listed(f"{name}/" for name in names)


def _alone(names: Iterable[str], others: Iterable[str]) -> str:
    """Those that are only in the first list."""
    return f"[{listed(map(repr, sorted(set(names) - set(others))))}]"


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _unexpected(root: Path, needed: str = "train/ and test/ (or val/)", got: str = "") -> BadInputError:
    got = got or _listed(_subfolders(root)) or "no folders"
    return BadInputError(f"expected {needed} with class folders in {root}, or class folders alone, got {got}")


def _class_folders(place: Path) -> dict[str, Path]:
    """Class -> its folder, sorted; names are compared in Unicode's form NFC, as Macs write them in another (NFD)."""
    named: dict[str, Path] = {}
    for folder in _subfolders(place):
        name = normalize("NFC", folder)
        if name in named:
            raise BadInputError(
                f"expected class folders of different names in {place}, got {name} twice, in two forms of Unicode; "
                "try to move all images into one of them"
            )
        named[name] = place / folder
    return dict(sorted(named.items()))


def _read_classes(root: Path, found: Mapping[Path, tuple[str, ...]]) -> tuple[str, ...]:
    """The class names that all splits have, from those found in the folder of each."""
    leading, classes = next(iter(found.items()))
    if len(classes) < 2:
        if leading == root:
            raise _unexpected(root)
        got = _listed(classes) or "none"
        raise BadInputError(
            f"expected two or more class folders in {leading}, got {got}; try {leading.name}/CLASS/*.jpg for its images"
        )
    faults = [
        f"{place}: missing {_alone(classes, names)}, unexpected {_alone(names, classes)}"
        for place, names in found.items()
        if names != classes
    ]
    if faults:
        raise BadInputError(f"expected the class folders of {leading.name}/ in every split, got" + listed_lines(faults))
    return classes


def _check_names(root: Path, classes: tuple[str, ...]) -> None:
    """Refuse names that are not UTF-8, as in ONNX files and reports; names of images may be any bytes."""
    odd = [shown for name in (root.resolve().name, *classes) if (shown := printable(name)) != name]
    if odd:
        raise BadInputError(
            f"expected names in UTF-8 of the folder and its classes, got {listed(odd)} in {printable(root)}; try to "
            "rename them (convmv does it for many)"
        )


def _without_images(
    folders: Mapping[str, Path], images: Sequence[LabelledPath], others: Sequence[LabelledPath]
) -> Iterator[str]:
    """The class folders of one split that hold other files and no images, and which."""
    used, left_out = {label for _path, label in images}, defaultdict(list)
    for path, label in others:
        left_out[label].append(path)
    for label, folder in enumerate(folders.values()):
        if left_out[label] and label not in used:
            yield f"{folder}: {_suffixes(left_out[label])}"


def _suffixes(paths: Iterable[Path]) -> str:
    """What files there are: ``40 .heic, 1 .txt``."""
    counts = Counter(path.suffix.lower() or "without suffix" for path in paths)
    shown = [f"{count} {suffix}" for suffix, count in counts.most_common(4)]
    return printable(", ".join([*shown, "..."] if len(counts) > 4 else shown))


def _check_plain(root: Path, folders: Mapping[str, Path], images: tuple[LabelledPath, ...]) -> None:
    """Refuse folders without a split's name that do not look like classes."""
    used = {label for _path, label in images}
    empty = [name for label, name in enumerate(folders) if label not in used]
    if empty:
        raise _unexpected(root, got=f"no images in {_listed(empty)}")
    inside = {_subfolders(folder) for folder in folders.values()}
    if len(inside) == 1 and len(shared := inside.pop()) > 1:
        raise BadInputError(
            f"expected class folders in {root}, got {_listed(folders)} which all hold "
            f"{_listed(shared)}; if they are splits, try to call them train/, val/ and test/"
        )


def _subfolders(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")))


def _list_files(folders: Iterable[Path]) -> list[LabelledPath]:
    """The files of class folders, given in the order of their labels."""
    seen = count(1)
    return [
        (Path(path), label)
        for label, folder in enumerate(folders)
        for path in sorted(walk(folder, seen), key=lambda path: path.replace(os.sep, "\0"))  # as paths are sorted
    ]
