"""Look at every file of a data set before anything is trained on it."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from compress.data.images import decode_image, is_grey
from compress.errors import BadInputError

SPLITS = ("train", "val", "test")
LabelledPath = tuple[Path, int]
"""An image file and the index of its class."""

_THREADS = 8  # Pillow decodes outside the interpreter's lock


@dataclass(frozen=True)
class ImageFile:
    """A file that was read and decoded.

    Attributes:
        path: where it is.
        label: index of its class.
        shorter_side: pixels.
        grey: it has no colour channels.
        sha256: hex, of the file's bytes.
    """

    path: Path
    label: int
    shorter_side: int
    grey: bool
    sha256: str


@dataclass(frozen=True)
class Scan:
    """What reading all files gave.

    Attributes:
        splits: the good files of each split, in the order they were given.
        notes: what was skipped or looks wrong.
    """

    splits: Mapping[str, tuple[ImageFile, ...]]
    notes: tuple[str, ...]


def scan_files(splits: Mapping[str, Sequence[LabelledPath]], *, classes: tuple[str, ...], skip_bad: int) -> Scan:
    """Read and decode every image.

    Args:
        splits: some of ``SPLITS`` -> its files.
        classes: names of the labels.
        skip_bad: bad files that may be left out; one more is an error.

    Raises:
        BadInputError: more than ``skip_bad`` files are bad, or what is left of a class is too little;
            every fault of the same kind is named.
    """
    listed = [file for files in splits.values() for file in files]
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # decode_image refuses these
        results = iter(list(pool.map(_inspect, listed)))
    found = {split: [next(results) for _ in files] for split, files in splits.items()}
    bad = [file for files in found.values() for file in files if isinstance(file, BadInputError)]
    if len(bad) > skip_bad:
        names = "\n  ".join(str(error) for error in bad)
        raise BadInputError(
            f"expected at most {skip_bad} bad images (--skip-bad), got {len(bad)} of {len(listed)}; try to mend or "
            f"remove them, or --skip-bad {len(bad)}:\n  {names}"
        )
    good = {split: tuple(file for file in files if isinstance(file, ImageFile)) for split, files in found.items()}
    _check_counts(good, classes)
    return Scan(good, notes=(*(f"skipped {error}" for error in bad), *_overlaps(good)))


def _inspect(file: LabelledPath) -> ImageFile | BadInputError:
    path, label = file
    try:
        data = path.read_bytes()
        image = decode_image(data, source=str(path))
    except OSError as error:
        return BadInputError(f"{path}: {error.strerror}")
    except BadInputError as error:
        return error
    return ImageFile(path, label, min(image.size), is_grey(image), hashlib.sha256(data).hexdigest())


def _check_counts(splits: Mapping[str, tuple[ImageFile, ...]], classes: tuple[str, ...]) -> None:
    faults = []
    for split, files in splits.items():
        counts = Counter(file.label for file in files)
        needed = 2 if split == "train" else 1  # one may have to go to the validation set
        faults += [f"{split}/{name}: {counts[label]}" for label, name in enumerate(classes) if counts[label] < needed]
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
