"""Data sets of image files, the user's own folder or a published list of files, -> ``DataBundle``."""

import hashlib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from compress.data.augment import choose_recipe, recipes_of_files
from compress.data.bundle import DataBundle
from compress.data.layout import FolderListing, list_folder
from compress.data.order import VALIDATION, stratified_holdout
from compress.data.preprocessing import Preprocessing, preprocess, stated_channels
from compress.data.scan import SPLITS, ImageFile, LabelledPath, scan_files
from compress.data.splits import FileSplit
from compress.errors import BadInputError
from compress.lists import listed_lines
from compress.settings.config import DataConfig

MEAN_RGB, STD_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's: published weights expect them
MEAN_GREY, STD_GREY = (0.449,), (0.226,)  # their averages
MAX_IMAGE_SIZE, MIN_IMAGE_SIZE = 224, 32  # pixels, unless a size is set
TEST = 0.2  # share of all images of every class that become the test set if the folder names none


def load_folder(root: Path, config: DataConfig, *, test_only: bool = False) -> DataBundle:
    """Scan an image folder and make its splits.

    Without ``test/``, ``val/`` is the test set, and validation images are held out of ``train/``: no decision is based
    on test images. Without both, the test images are held out first, the same ones for every seed. With ``test_only``,
    ``test/`` or ``val/`` is enough, class folders alone are all test images, and missing splits are empty.
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
    return bundle_of_files(root.resolve().name, replace(listing, splits=splits, notes=tuple(notes)), config, root=root)


def bundle_of_files(name: str, listing: FolderListing, config: DataConfig, *, root: Path) -> DataBundle:
    """Read and decode every file once, then make the splits; every data set of files goes through this.

    Without "val" a tenth of "train" is held out; without "train" both are empty. The notes begin with the listing's.
    ``root`` is the folder of all files; the fingerprint uses their places in it.
    """
    classes = listing.classes
    scan = scan_files(listing.splits, classes=classes, skip_bad=config.skip_bad, root=root)
    parts, notes = dict(scan.splits), [*listing.notes, *scan.notes]
    if "train" not in parts:
        parts = {"train": (), "val": (), "test": parts["test"]}
        notes.append("no train/: only the test images are used")
    if "val" not in parts:
        train = parts["train"]
        kept, held = stratified_holdout(_labels(train), fraction=VALIDATION, seed=config.seed)
        parts["train"], parts["val"] = (tuple(train[i] for i in chosen.tolist()) for chosen in (kept, held))
        notes.append(f"validation: {len(held)} images of train/, {VALIDATION:.0%} of every class")
    files = [file for part in parts.values() for file in part]
    size, grey = _usual_size(files), all(file.grey for file in files)
    preprocessing = _preprocessing(config, size=size, grey=grey)
    recipe = choose_recipe(recipes_of_files(size, grey=grey), config)

    def split(part: str) -> FileSplit:
        return FileSplit(parts[part], _labels(parts[part]), preprocessing, recipe, workers=config.workers)

    return DataBundle(
        name=name,
        classes=classes,
        train=split("train"),
        val=split("val"),
        test=split("test"),
        preprocessing=preprocessing,
        fingerprint=_fingerprint(classes, {part: parts[part] for part in SPLITS}),
        test_fingerprint=_fingerprint(classes, {"test": parts["test"]}),
        notes=tuple(notes),
    )


def _cut_test(files: Sequence[LabelledPath], *, classes: tuple[str, ...]) -> dict[str, Sequence[LabelledPath]]:
    counts = Counter(label for _path, label in files)
    few = [f"{name}: {counts[label]}" for label, name in enumerate(classes) if counts[label] < 3]
    if few:
        raise BadInputError("expected three or more images of every class without test/, got" + listed_lines(few))
    labels = torch.tensor([label for _path, label in files])
    kept, held = stratified_holdout(labels, fraction=TEST, seed=0)
    return {"train": [files[i] for i in kept.tolist()], "test": [files[i] for i in held.tolist()]}


def _labels(files: tuple[ImageFile, ...]) -> Tensor:
    return torch.tensor([file.label for file in files], dtype=torch.int64)


def _usual_size(files: list[ImageFile]) -> int:
    """The size of the images, pixels: the median of their shorter sides, as a multiple of 8 within limits."""
    usual = int(statistics.median(file.shorter_side for file in files)) // 8 * 8
    return min(max(usual, MIN_IMAGE_SIZE), MAX_IMAGE_SIZE)


def _preprocessing(config: DataConfig, *, size: int, grey: bool) -> Preprocessing:
    channels = stated_channels(config) or (1 if grey else 3)
    grey = channels == 1
    default = Preprocessing(
        image_size=size,
        channels=channels,
        mean=MEAN_GREY if grey else MEAN_RGB,
        std=STD_GREY if grey else STD_RGB,
        decoding=f"EXIF orientation applied, {'8-bit grey' if grey else 'RGB'}",
    )
    return preprocess(config, default)


def _fingerprint(classes: tuple[str, ...], splits: Mapping[str, tuple[ImageFile, ...]]) -> str:
    digest = hashlib.sha256()
    for name, files in splits.items():
        for file in files:
            line = f"{name}\0{classes[file.label]}\0{file.place}\0{file.sha256}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
