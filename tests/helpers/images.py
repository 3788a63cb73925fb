"""An image folder that a network learns in a few steps: dark, middling and bright noise."""

from pathlib import Path

import numpy as np
from PIL import Image

LEVELS = {"dark": 40, "middling": 128, "bright": 215, "black": 0}


def write_image_folder(root: Path, *, train: int, test: int, size: int = 16, classes: int = 3) -> Path:
    """``train`` and ``test`` grey PNG images in each of up to four classes, ``size`` pixels square."""
    random = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for name, level in list(LEVELS.items())[:classes]:
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = np.clip(random.normal(level, 20, (size, size)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return root
