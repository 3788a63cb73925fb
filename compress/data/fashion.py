"""Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv 1708.07747): the bundled sample, and arrays -> ``DataBundle``."""

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compress.data.bundle import DataBundle, Preprocessing
from compress.data.fashion_files import FashionArrays
from compress.data.memory import RESIZE, MemorySplit, resize_images
from compress.data.order import stratified_holdout
from compress.errors import BadInputError

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
DEFAULT_IMAGE_SIZE = 48  # pixels
MEAN, STD = (0.2860,), (0.3530,)  # of the 60,000 training images, pixels scaled to [0, 1]
SHIFT = 1 / 14  # of the image size: 2 of the 28 pixels
VALIDATION = 0.1  # of the training images, class by class

SAMPLE = Path(__file__).parent / "sample" / "fashion_sample.npz"
SAMPLE_SHA256 = "b48236a28be591a631e67bed66ef84007575d3e5cc6c45afa6ea61a94f3652fc"
SAMPLE_PER_CLASS = {"train": 1200, "test": 400}  # images


def read_sample(path: Path = SAMPLE) -> FashionArrays:
    """Read the bundled images, checked against ``SAMPLE_SHA256``; plain arrays, nothing in them runs.

    Raises:
        BadInputError: the file is missing or is not the one that was built.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read the bundled sample {path}: {error.strerror}; try to install again") from None
    found = hashlib.sha256(data).hexdigest()
    if found != SAMPLE_SHA256:
        raise BadInputError(f"{path} is damaged: expected sha256 {SAMPLE_SHA256}, got {found}; try to install again")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return FashionArrays(**arrays)


def fashion_bundle(
    name: str, arrays: FashionArrays, *, image_size: int | None, seed: int, notes: tuple[str, ...] = ()
) -> DataBundle:
    """Hold out the validation images, resize all once, and put the three splits together.

    Args:
        name: of the data set.
        arrays: images and labels.
        image_size: pixels; ``None`` is ``DEFAULT_IMAGE_SIZE``.
        seed: which tenth of the training images validates.
        notes: passed on.
    """
    size = image_size or DEFAULT_IMAGE_SIZE
    preprocessing = Preprocessing(image_size=size, channels=1, mean=MEAN, std=STD, resize=RESIZE)
    kept, held = stratified_holdout(_labels(arrays.train_labels), fraction=VALIDATION, seed=seed)

    def split(images: np.ndarray, labels: np.ndarray) -> MemorySplit:
        resized = resize_images(images[..., None], size=size)
        return MemorySplit(resized, _labels(labels), preprocessing=preprocessing, shift=round(SHIFT * size))

    return DataBundle(
        name=name,
        classes=CLASSES,
        train=split(arrays.train_images[kept], arrays.train_labels[kept]),
        val=split(arrays.train_images[held], arrays.train_labels[held]),
        test=split(arrays.test_images, arrays.test_labels),
        preprocessing=preprocessing,
        fingerprint=_fingerprint(*vars(arrays).values(), held.numpy()),
        test_fingerprint=_fingerprint(arrays.test_images, arrays.test_labels),
        notes=notes,
    )


def _labels(labels: np.ndarray) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64))


def _fingerprint(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
