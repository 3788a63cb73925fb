"""Framing: the part of a picture that becomes the network's square input, and how it is resized."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from PIL import Image

from compress.settings.preprocessing import Interpolation
from models_zoo.torchvision_mend import torchvision

_TRANSFORMS: Final[Any] = torchvision.transforms
_ANTIALIASED: Final = ("bilinear", "bicubic", "lanczos")


@dataclass(frozen=True)
class Framing:
    """How a picture of any size becomes a square, pixel for pixel as torchvision's and timm's transforms do it.

    Without ``resize`` and ``crop`` the largest centred square is resized. Fields are as in ``PreprocessingSettings``.
    """

    resize: int | Literal["squash"] | None = None
    crop: float | None = None
    interpolation: Interpolation = "bilinear"

    @property
    def resampling(self) -> Image.Resampling:
        """Pillow's filter."""
        return Image.Resampling[self.interpolation.upper()]

    def resized(self, size: int) -> int:
        """Pixels of the shorter side, or of both, before the crop of ``size`` pixels; rounded down as timm does it."""
        if isinstance(self.resize, int):
            return self.resize
        return math.floor(size / (self.crop or 1))

    def fit(self, picture: Image.Image, *, size: int) -> Image.Image:
        """The picture as ``size`` x ``size`` pixels."""
        if self.resize is None and self.crop is None:
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            square = picture.crop((left, top, left + side, top + side))
            return square.resize((size, size), self.resampling)
        pixels = self.resized(size)
        sides = [pixels, pixels] if self.resize == "squash" else [pixels]
        mode = _TRANSFORMS.InterpolationMode(self.interpolation)
        resized = _TRANSFORMS.functional.resize(picture, sides, mode)
        cropped: Image.Image = _TRANSFORMS.functional.center_crop(resized, [size, size])
        return cropped

    def in_words(self, size: int) -> str:
        """A description for files and reports."""
        how = self.interpolation + (" with antialiasing" if self.interpolation in _ANTIALIASED else "")
        pixels = self.resized(size)
        cut = "" if pixels == size else f", centred {size} x {size} pixels cut out"
        if self.resize == "squash":
            sides = "the size" if pixels == size else f"{pixels} x {pixels} pixels"
            return f"{how} to {sides}, aspect ratio not kept{cut}, rounded to 8 bits"
        if self.resize is None and self.crop is None:
            return f"largest centred square, {how} to the size, rounded to 8 bits"
        return f"{how} to a shorter side of {pixels} pixels, centred {size} x {size} pixels cut out, rounded to 8 bits"
