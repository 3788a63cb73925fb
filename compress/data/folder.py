"""Data sets made of image files: an image folder of the user's, or files that somebody else listed."""

import hashlib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from compress.data.bundle import DataBundle, Preprocessing
from compress.data.files import FileSplit
from compress.data.layout import list_folder
from compress.data.order import stratified_holdout
from compress.data.scan import SPLITS, ImageFile, LabelledPath, scan_files
from compress.errors import BadInputError
from compress.settings.config import Augment

MEAN_RGB, STD_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's: given weights expect them
MEAN_GREY, STD_GREY = (0.449,), (0.226,)  # their averages
MAX_IMAGE_SIZE, MIN_IMAGE_SIZE = 224, 32  # pixels, where no size is asked for
VALIDATION = 0.1  # of the training images, class by class
TEST = 0.2  # of all images, class by class, where nobody said which are for the test


@dataclass(frozen=True)
class FolderOptions:
    """How files are read; see ``RunConfig`` for the meaning of each."""

    image_size: int | None
    seed: int
    skip_bad: int
    workers: int | None
    channels: int | None = None
    augment: Augment = "default"


def load_folder(root: Path, options: FolderOptions, *, test_only: bool = False) -> DataBundle:
    """Scan an image folder and make its splits.

    Without ``test/``, ``val/`` is the test set, and validation is cut from ``train/`` too, so that no
    decision is taken on test images. Without both, or with class folders alone, the test images are
    cut off first: the same ones for every seed.

    Args:
        root: the folder.
        options: how it is read.
        test_only: ``test/``, or ``val/``, is enough, and class folders alone are all test images;
            splits that are not there come out empty.

    Raises:
        BadInputError: see ``list_folder`` and ``bundle_of_files``.
    """
    listing = list_folder(root, test_only=test_only)
    splits: dict[str, Sequence[LabelledPath]] = dict(listing.splits)
    notes = list(listing.notes)
    if "val" in splits and "test" not in splits:
        splits["test"] = splits.pop("val")
        also = ", and validation is cut from train/" if "train" in splits else ""
        notes.append(f"no test/: val/ is the test set{also}")
    if "test" not in splits:
        splits = _cut_test(splits["train"], classes=listing.classes)
        count = len(splits["test"])
        notes.append(f"no test/: {count} images, {TEST:.0%} of every class, are the test set, whatever the seed")
    return bundle_of_files(root.resolve().name, listing.classes, splits, options, root=root, notes=tuple(notes))


def bundle_of_files(
    name: str,
    classes: tuple[str, ...],
    splits: Mapping[str, Sequence[LabelledPath]],
    options: FolderOptions,
    *,
    root: Path,
    notes: tuple[str, ...] = (),
) -> DataBundle:
    """Read and decode every file once, then make the splits: what every data set of files goes through.

    Args:
        name: of the data set.
        classes: names; the label is the index.
        splits: "test", mostly "train", perhaps "val" -> (path, label) of its images, in the order they
            shall have. Without "val" a tenth of "train" validates; without "train" it and "val" come out empty.
        options: how the files are read.
        root: the folder they all lie under; the fingerprint is of their places in it.
        notes: what is known so far; the bundle's notes begin with it.

    Raises:
        BadInputError: more than ``options.skip_bad`` files cannot be read, or a class has too few images.
    """
    scan = scan_files(splits, classes=classes, skip_bad=options.skip_bad, root=root)
    parts, found = dict(scan.splits), [*notes, *scan.notes]
    if "train" not in parts:
        parts = {"train": (), "val": (), "test": parts["test"]}
        found.append("no train/: only the test images are used")
    if "val" not in parts:
        parts["train"], parts["val"] = _hold_out(parts["train"], seed=options.seed)
        found.append(f"validation: {len(parts['val'])} images of train/, {VALIDATION:.0%} of every class")
    preprocessing = _preprocessing([file for part in parts.values() for file in part], options)

    def split(part: str) -> FileSplit:
        paths = tuple(file.path for file in parts[part])
        return FileSplit(paths, _labels(parts[part]), preprocessing, augment=options.augment, workers=options.workers)

    return DataBundle(
        name=name,
        classes=classes,
        train=split("train"),
        val=split("val"),
        test=split("test"),
        preprocessing=preprocessing,
        fingerprint=_fingerprint(classes, {part: parts[part] for part in SPLITS}),
        test_fingerprint=_fingerprint(classes, {"test": parts["test"]}),
        notes=tuple(found),
    )


def _cut_test(files: Sequence[LabelledPath], *, classes: tuple[str, ...]) -> dict[str, Sequence[LabelledPath]]:
    counts = Counter(label for _path, label in files)
    few = [f"{name}: {counts[label]}" for label, name in enumerate(classes) if counts[label] < 3]
    if few:
        raise BadInputError("expected three or more images of every class without test/, got\n  " + "\n  ".join(few))
    labels = torch.tensor([label for _path, label in files])
    kept, held = stratified_holdout(labels, fraction=TEST, seed=0)
    return {"train": [files[i] for i in kept.tolist()], "test": [files[i] for i in held.tolist()]}


def _hold_out(files: tuple[ImageFile, ...], *, seed: int) -> tuple[tuple[ImageFile, ...], tuple[ImageFile, ...]]:
    kept, held = stratified_holdout(_labels(files), fraction=VALIDATION, seed=seed)
    return tuple(files[i] for i in kept.tolist()), tuple(files[i] for i in held.tolist())


def _labels(files: tuple[ImageFile, ...]) -> Tensor:
    return torch.tensor([file.label for file in files], dtype=torch.int64)


def _preprocessing(files: list[ImageFile], options: FolderOptions) -> Preprocessing:
    channels = options.channels or (1 if all(file.grey for file in files) else 3)
    typical = int(statistics.median(file.shorter_side for file in files)) // 8 * 8
    size = options.image_size or min(max(typical, MIN_IMAGE_SIZE), MAX_IMAGE_SIZE)
    grey = channels == 1
    return Preprocessing(
        image_size=size,
        channels=channels,
        mean=MEAN_GREY if grey else MEAN_RGB,
        std=STD_GREY if grey else STD_RGB,
        resize=(
            f"EXIF orientation applied, {'8-bit grey' if grey else 'RGB'}, largest centred square, "
            "bilinear with antialiasing to the size, rounded to 8 bits"
        ),
    )


def _fingerprint(classes: tuple[str, ...], splits: dict[str, tuple[ImageFile, ...]]) -> str:
    digest = hashlib.sha256()
    for name, files in splits.items():
        for file in files:
            line = f"{name}\0{classes[file.label]}\0{file.place}\0{file.sha256}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
