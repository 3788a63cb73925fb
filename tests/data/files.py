"""Tiny data in their true formats."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from compress.data.idx import IdxFile


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes, written from the format's description."""
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return b"\x00\x00\x08" + bytes([array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, name: str, array: np.ndarray, *, zipped: bool = True) -> IdxFile:
    """Write ``name`` (gzipped: ``name.gz``) and give the pin that admits it."""
    folder.mkdir(parents=True, exist_ok=True)
    data = idx_bytes(array)
    path = folder / (f"{name}.gz" if zipped else name)
    path.write_bytes(gzip.compress(data) if zipped else data)
    return IdxFile(name, array.shape, hashlib.sha256(data).hexdigest())


def write_fashion(folder: Path, *, zipped: bool = True) -> dict[str, IdxFile]:
    """A Fashion-MNIST of 100 + 20 images."""
    generator = np.random.default_rng(0)
    arrays = {
        "train_images": ("train-images-idx3-ubyte", generator.integers(0, 256, (100, 28, 28))),
        "train_labels": ("train-labels-idx1-ubyte", np.arange(100) % 10),
        "test_images": ("t10k-images-idx3-ubyte", generator.integers(0, 256, (20, 28, 28))),
        "test_labels": ("t10k-labels-idx1-ubyte", np.arange(20) % 10),
    }
    return {key: write_idx(folder, name, array, zipped=zipped) for key, (name, array) in arrays.items()}


def write_image(path: Path, *, size: tuple[int, int] = (40, 36), mode: str = "RGB", seed: int = 0) -> Path:
    """A noise image (width, height); the suffix decides the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def write_folder(
    root: Path, *, splits: dict[str, int], classes: tuple[str, ...] = ("cat", "dog"), mode: str = "RGB"
) -> Path:
    """An image folder; ``splits`` gives the images of every class."""
    places = [
        root / split / name / f"{number:03}.{('png', 'jpg')[number % 2]}"
        for split, count in splits.items()
        for name in classes
        for number in range(count)
    ]
    for seed, path in enumerate(places):
        write_image(path, size=(36 + seed % 5, 40), mode=mode, seed=seed)
    return root
