"""Tiny data sets in their published formats."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from compress.data.load import load_data
from compress.settings.config import DataConfig


def load(name, folder, **values):
    return load_data(DataConfig(dataset=name, data_dir=folder, **values))


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes, written from the format's description."""
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return b"\x00\x00\x08" + bytes([array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, name: str, array: np.ndarray, *, zipped: bool = True) -> Path:
    """Write ``name``, gzipped as ``name.gz``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (f"{name}.gz" if zipped else name)
    path.write_bytes(gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array))
    return path


def write_fashion(folder: Path, *, zipped: bool = True) -> dict[str, str]:
    """100 + 20 images in the files of Fashion-MNIST; gives the sha256 of each file, uncompressed."""
    generator = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte": generator.integers(0, 256, (100, 28, 28)),
        "train-labels-idx1-ubyte": np.arange(100) % 10,
        "t10k-images-idx3-ubyte": generator.integers(0, 256, (20, 28, 28)),
        "t10k-labels-idx1-ubyte": np.arange(20) % 10,
    }
    for name, array in arrays.items():
        write_idx(folder, name, array, zipped=zipped)
    return {name: hashlib.sha256(idx_bytes(array)).hexdigest() for name, array in arrays.items()}


def write_image(path: Path, *, size: tuple[int, int] = (40, 36), mode: str = "RGB", seed: int = 0) -> Path:
    """A noise image (width, height); the suffix decides the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def write_folder(
    root: Path,
    *,
    splits: dict[str, int],
    classes: tuple[str, ...] = ("cat", "dog"),
    mode: str = "RGB",
    side: int = 40,
) -> Path:
    """An image folder; ``splits`` gives the images of every class, ``side`` their height."""
    places = [
        root / split / name / f"{number:03}.{('png', 'jpg')[number % 2]}"
        for split, count in splits.items()
        for name in classes
        for number in range(count)
    ]
    for seed, path in enumerate(places):
        write_image(path, size=(side - 4 + seed % 5, side), mode=mode, seed=seed)
    return root


def assert_equal(one: object, other: object) -> None:
    """Check that two tensors, or sequences of batches, agree bit for bit."""
    torch.testing.assert_close(one, other, rtol=0, atol=0)
