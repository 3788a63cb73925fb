"""Image folders: files are read and augmented by ``DataLoader`` workers, each image from its own seed."""

import hashlib
import importlib
import signal
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from compress.data.bundle import DataBundle, Order, Preprocessing
from compress.data.images import read_image
from compress.data.order import epoch_steps, plan_batches, random_bits, stratified_holdout
from compress.data.scan import SPLITS, ImageFile, scan_folder
from models_zoo import torchvision_mend  # noqa: F401  (torchvision's submodules can be imported after it)

v2: Any = importlib.import_module("torchvision.transforms.v2")

MEAN_RGB, STD_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's: given weights expect them
MEAN_GREY, STD_GREY = (0.449,), (0.226,)  # their averages
MAX_IMAGE_SIZE, MIN_IMAGE_SIZE = 224, 32  # pixels, where no size is asked for
VALIDATION = 0.1  # of the training images, class by class
CROP_AREA = (0.35, 1.0)  # of the image, random resized crop
CUTOUT_AREA = 1 / 16  # of the cropped image; in half of the images
_AUGMENT = 0x4155  # stream of random numbers


@dataclass(frozen=True)
class FolderOptions:
    """How a folder is read; see ``RunConfig`` for the meaning of each."""

    image_size: int | None
    seed: int
    skip_bad: int
    workers: int


@dataclass(frozen=True, eq=False)
class FolderSplit:
    """Files and labels int64 [N]; training crops, flips and, in colour, cuts squares out."""

    files: tuple[Path, ...]
    labels: Tensor
    preprocessing: Preprocessing
    workers: int

    def __len__(self) -> int:
        return len(self.files)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``Split.batches``.

        Raises:
            BadInputError: a file is no longer what the scan saw.
        """
        plan = plan_batches(order, size=len(self), batch_size=batch_size)
        loader = DataLoader(
            _Epoch(self.files, self.labels, self.preprocessing, order),
            batch_sampler=[indices.tolist() for indices in plan[first:]],
            num_workers=self.workers,
            worker_init_fn=_ignore_interrupts,
            generator=torch.Generator(),  # else every pass would draw from torch's own: a resume would differ
        )
        for images, labels in loader:
            yield images.contiguous(memory_format=torch.channels_last), labels

    def steps(self, batch_size: int) -> int:
        """See ``Split.steps``."""
        return epoch_steps(len(self), batch_size)

    def subset(self, indices: Tensor) -> "FolderSplit":
        """See ``Split.subset``."""
        return replace(self, files=tuple(self.files[i] for i in indices.tolist()), labels=self.labels[indices])


@dataclass(frozen=True, eq=False)
class _Epoch(Dataset[tuple[Tensor, Tensor]]):
    """One pass over a split, image by image; what the workers hold."""

    files: tuple[Path, ...]
    labels: Tensor
    preprocessing: Preprocessing
    order: Order | None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = read_image(self.files[index], channels=self.preprocessing.channels)
        if self.order is None:
            return self._normalise(fit_image(image, size=self.preprocessing.image_size)), self.labels[index]
        key = (self.order.seed, self.order.epoch, _AUGMENT)
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(int(random_bits(key, np.array([index]))[0]))
            return self._erase(self._normalise(self._crop(image))), self.labels[index]

    @cached_property
    def _crop(self) -> Any:
        size = self.preprocessing.image_size
        return v2.Compose([v2.RandomResizedCrop(size, scale=CROP_AREA, antialias=True), v2.RandomHorizontalFlip()])

    @cached_property
    def _normalise(self) -> Any:
        scale = v2.ToDtype(torch.float32, scale=True)
        return v2.Compose([v2.PILToTensor(), scale, v2.Normalize(self.preprocessing.mean, self.preprocessing.std)])

    @cached_property
    def _erase(self) -> Any:
        """Cutout (DeVries and Taylor, arXiv 1708.04552), for photographs: colour is how they are told."""
        area = (CUTOUT_AREA, CUTOUT_AREA)
        return v2.RandomErasing(p=0.5 if self.preprocessing.channels == 3 else 0.0, scale=area, ratio=(1, 1))


def fit_image(image: Image.Image, *, size: int) -> Image.Image:
    """The largest centred square, resized to ``size`` x ``size`` pixels, bilinear with antialiasing."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.BILINEAR)


def load_folder(root: Path, options: FolderOptions, *, test_only: bool = False) -> DataBundle:
    """Scan an image folder and make its splits.

    Without ``val/``, a tenth of ``train/`` validates. Without ``test/``, ``val/`` is the test set,
    and validation is cut from ``train/`` too, so that no decision is taken on test images.

    Args:
        root: the folder.
        options: how it is read.
        test_only: ``test/``, or ``val/``, is enough; splits that are not there come out empty.

    Raises:
        BadInputError: see ``scan_folder``.
    """
    scan = scan_folder(root, skip_bad=options.skip_bad, test_only=test_only)
    splits, notes = dict(scan.splits), list(scan.notes)
    trains = "train" in splits
    if "test" not in splits:
        splits["test"] = splits.pop("val")
        notes.append("no test/: val/ is the test set" + (", and validation is cut from train/" if trains else ""))
    if not trains:
        splits = {"train": (), "val": (), **splits}
        notes.append("no train/: only the test images are used")
    if "val" not in splits:
        splits["train"], splits["val"] = _hold_out(splits["train"], seed=options.seed)
        notes.append(f"validation: {len(splits['val'])} images of train/, {VALIDATION:.0%} of every class")
    files = [file for part in splits.values() for file in part]
    preprocessing = _preprocessing(files, image_size=options.image_size)

    def split(name: str) -> FolderSplit:
        paths = tuple(file.path for file in splits[name])
        return FolderSplit(paths, _labels(splits[name]), preprocessing=preprocessing, workers=options.workers)

    return DataBundle(
        name=root.resolve().name,
        classes=scan.classes,
        train=split("train"),
        val=split("val"),
        test=split("test"),
        preprocessing=preprocessing,
        fingerprint=_fingerprint(root, scan.classes, {name: splits[name] for name in SPLITS}),
        test_fingerprint=_fingerprint(root, scan.classes, {"test": splits["test"]}),
        notes=tuple(notes),
    )


def _hold_out(files: tuple[ImageFile, ...], *, seed: int) -> tuple[tuple[ImageFile, ...], tuple[ImageFile, ...]]:
    kept, held = stratified_holdout(_labels(files), fraction=VALIDATION, seed=seed)
    return tuple(files[i] for i in kept.tolist()), tuple(files[i] for i in held.tolist())


def _labels(files: tuple[ImageFile, ...]) -> Tensor:
    return torch.tensor([file.label for file in files], dtype=torch.int64)


def _preprocessing(files: list[ImageFile], *, image_size: int | None) -> Preprocessing:
    grey = all(file.grey for file in files)
    typical = int(statistics.median(file.shorter_side for file in files)) // 8 * 8
    size = image_size or min(max(typical, MIN_IMAGE_SIZE), MAX_IMAGE_SIZE)
    return Preprocessing(
        image_size=size,
        channels=1 if grey else 3,
        mean=MEAN_GREY if grey else MEAN_RGB,
        std=STD_GREY if grey else STD_RGB,
        resize=(
            f"EXIF orientation applied, {'8-bit grey' if grey else 'RGB'}, largest centred square, "
            "bilinear with antialiasing to the size, rounded to 8 bits"
        ),
    )


def _fingerprint(root: Path, classes: tuple[str, ...], splits: dict[str, tuple[ImageFile, ...]]) -> str:
    digest = hashlib.sha256()
    for name, files in splits.items():
        for file in files:
            place = file.path.relative_to(root).as_posix()
            digest.update(f"{name}\0{classes[file.label]}\0{place}\0{file.sha256}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _ignore_interrupts(worker: int) -> None:  # noqa: ARG001
    """Ctrl-C reaches the whole group; the run finishes its step first, so its workers must live on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
