"""Build compress/data/sample/fashion_sample.npz from the published Fashion-MNIST files.

    python scripts/build_fashion_sample.py [FOLDER]

FOLDER holds the four IDX files, gzipped or not (default: the Debian package's folder). Prints the
sha256 to pin in compress/data/arrays.py. The images of every class are drawn with a fixed seed
from the published split of the same name, and stay in their published order.
"""

import hashlib
import io
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.data.arrays import SAMPLE, SAMPLE_PER_CLASS, ImageArrays, read_fashion
from compress.data.load import FASHION_FILES
from compress.data.order import random_bits

SEED = 20170828  # the day the data set's paper came out


def draw(labels: NDArray[np.uint8], *, per_class: int) -> NDArray[np.int64]:
    """Ascending indices of ``per_class`` images of every class."""
    bits = random_bits((SEED,), np.arange(len(labels)))
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen.append(members[np.argsort(bits[members], kind="stable")[:per_class]])
    return np.sort(np.concatenate(chosen))


def build(arrays: ImageArrays) -> bytes:
    """The sample as a compressed .npz without pickles; the same bytes with the same version of zlib."""
    train = draw(arrays.train_labels, per_class=SAMPLE_PER_CLASS["train"])
    test = draw(arrays.test_labels, per_class=SAMPLE_PER_CLASS["test"])
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        train_images=arrays.train_images[train],
        train_labels=arrays.train_labels[train],
        test_images=arrays.test_images[test],
        test_labels=arrays.test_labels[test],
    )
    return buffer.getvalue()


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(FASHION_FILES.debian_folder)
    data = build(read_fashion(folder))
    SAMPLE.parent.mkdir(exist_ok=True)
    SAMPLE.write_bytes(data)
    print(f"{len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
