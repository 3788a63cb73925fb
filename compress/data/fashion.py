"""Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv 1708.07747): what is known of it, and the bundled sample."""

import hashlib
import io
from pathlib import Path

import numpy as np

from compress.data.arrays import ArraySet, ImageArrays
from compress.data.augment import RECIPES
from compress.errors import BadInputError

FASHION = ArraySet(
    name="fashion",
    classes=(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    mean=(0.2860,),
    std=(0.3530,),
    image_size=48,
    recipes=RECIPES["fashion"],
)  # fmt: skip

SAMPLE_NAME = "fashion-sample"
SAMPLE = Path(__file__).parent / "sample" / "fashion_sample.npz"
SAMPLE_SHA256 = "b48236a28be591a631e67bed66ef84007575d3e5cc6c45afa6ea61a94f3652fc"
SAMPLE_PER_CLASS = {"train": 1200, "test": 400}  # images


def read_sample(path: Path = SAMPLE) -> ImageArrays:
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
        return ImageArrays(**arrays)
