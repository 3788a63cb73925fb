"""Look at every file of an image folder before anything is trained on it.

Expected: ``train/`` and ``test/`` (``val/`` beside it or instead of it), in each one folder a class,
in these images at any depth. Links are followed; hidden files are no images.
"""

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from compress.data.images import SUFFIXES, decode_image, is_grey
from compress.errors import BadInputError

SPLITS = ("train", "val", "test")
_THREADS = 8  # Pillow decodes outside the interpreter's lock


@dataclass(frozen=True)
class ImageFile:
    """A file that was read and decoded.

    Attributes:
        split: one of ``SPLITS``.
        label: index of its class.
        path: where it is.
        shorter_side: pixels.
        grey: it has no colour channels.
        sha256: hex, of the file's bytes.
    """

    split: str
    label: int
    path: Path
    shorter_side: int
    grey: bool
    sha256: str


@dataclass(frozen=True)
class FolderScan:
    """What a folder holds.

    Attributes:
        classes: names, sorted; the label is the index.
        splits: the good files of each split that exists, by class, then by path.
        notes: what was skipped or looks wrong.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[ImageFile, ...]]
    notes: tuple[str, ...]


def scan_folder(root: Path, *, skip_bad: int, test_only: bool = False) -> FolderScan:
    """List the splits and classes, then read and decode every image.

    Args:
        root: the folder.
        skip_bad: bad files that may be left out; one more is an error.
        test_only: ``test/``, or ``val/``, is enough.

    Raises:
        BadInputError: the folder is not as expected, or more than ``skip_bad`` files are bad; every
            fault of the same kind is named.
    """
    classes = _read_classes(root, test_only=test_only)
    images, others = _list_images(root, classes)
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # decode_image refuses these
        results = list(pool.map(lambda image: _inspect(*image), images))
    bad = [result for result in results if isinstance(result, BadInputError)]
    if len(bad) > skip_bad:
        names = "\n  ".join(str(error) for error in bad)
        raise BadInputError(
            f"expected at most {skip_bad} bad images (--skip-bad), got {len(bad)} of {len(results)}; try to mend or "
            f"remove them, or --skip-bad {len(bad)}:\n  {names}"
        )
    good = [result for result in results if isinstance(result, ImageFile)]
    splits = {split: tuple(file for file in good if file.split == split) for split in SPLITS if (root / split).is_dir()}
    _check_counts(root, classes, splits)
    notes = [f"skipped {error}" for error in bad]
    if others:
        notes.append(f"{others} files in class folders have no image suffix and were left out")
    return FolderScan(classes=classes, splits=splits, notes=(*notes, *_overlaps(splits)))


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


def _list_images(root: Path, classes: tuple[str, ...]) -> tuple[list[tuple[str, int, Path]], int]:
    """Split, label and path of every image, and the number of other files."""
    files = [
        (split, label, path)
        for split in SPLITS
        for label, name in enumerate(classes)
        for path in sorted(_walk(root / split / name))
    ]
    images = [file for file in files if file[2].suffix.lower() in SUFFIXES]
    return images, len(files) - len(images)


def _walk(folder: Path) -> Iterator[Path]:
    entered = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:  # a link back up
            folders.clear()
            continue
        entered.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place) / name for name in files if not name.startswith("."))


def _inspect(split: str, label: int, path: Path) -> ImageFile | BadInputError:
    try:
        data = path.read_bytes()
        image = decode_image(data, source=str(path))
    except OSError as error:
        return BadInputError(f"{path}: {error.strerror}")
    except BadInputError as error:
        return error
    return ImageFile(split, label, path, min(image.size), is_grey(image), hashlib.sha256(data).hexdigest())


def _check_counts(root: Path, classes: tuple[str, ...], splits: Mapping[str, tuple[ImageFile, ...]]) -> None:
    faults = []
    for split, files in splits.items():
        counts = Counter(file.label for file in files)
        needed = 2 if split == "train" else 1  # one may have to go to the validation set
        faults += [
            f"{root / split / name}: {counts[label]}" for label, name in enumerate(classes) if counts[label] < needed
        ]
    if faults:
        raise BadInputError(
            "expected two or more images of every class in train/ and one or more elsewhere, got\n  "
            + "\n  ".join(faults)
        )


def _overlaps(splits: Mapping[str, tuple[ImageFile, ...]]) -> list[str]:
    trained = {file.sha256 for file in splits.get("train", ())}
    shared = {split: sum(file.sha256 in trained for file in splits[split]) for split in splits if split != "train"}
    return [
        f"{count} files of {split}/ are also in train/, byte for byte: accuracy on them is no evidence"
        for split, count in shared.items()
        if count
    ]
