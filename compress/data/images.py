"""Decoding of one image file to a grey or RGB picture, and a random part of it for training."""

import io
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from compress.errors import BadInputError

CROP_AREA: Final = (0.35, 1.0)  # of the picture
CROP_RATIO: Final = (3 / 4, 4 / 3)  # width to height
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # EPS would start a program
SUFFIXES = frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in _FORMATS)
"""Every suffix that Pillow knows for these formats; ``.avif`` only where it was built with AVIF."""

MAX_BYTES: Final = 2**30
"""Limit for the file of an image."""
_MAX_PIXELS = 89_478_485  # Pillow warns above this number: a quarter GiB of RGB
_BYTES_PER_PIXEL = 12  # at most 4 in the picture itself; copies of it are turned, or looked at
_START_OF_SCAN = b"\xff\xda"
_SIXTEEN_BITS = ("PNG", "PPM")  # here Pillow's mode "I" has values of 0 to 65,535
_MAX_SCANS = 200  # a progressive JPEG has ten; each goes through all pixels again, whatever it holds


class MemoryBudget:
    """Bytes that threads share: who wants more than is left waits."""

    def __init__(self, total: int) -> None:
        self._total = self._left = total
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, wanted: int) -> Iterator[None]:
        """Hold so many bytes, all of them at most."""
        held = min(wanted, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= held)
            self._left -= held
        try:
            yield
        finally:
            with self._changed:
                self._left += held
                self._changed.notify_all()


def memory_of(file: BinaryIO, *, source: str) -> int:
    """Bytes that it takes at most to read and decode an open file, whose header says how many pixels there are."""
    with _faults(source), Image.open(file, formats=_FORMATS) as image:
        _check_size(image)
        return os.fstat(file.fileno()).st_size + _BYTES_PER_PIXEL * image.width * image.height


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > _MAX_PIXELS:
        raise ValueError(f"{image.width} x {image.height} is more than {_MAX_PIXELS:,} pixels")


@contextmanager
def _faults(source: str) -> Iterator[None]:
    """Decoders of damaged bytes raise anything: SyntaxError, struct.error, IndexError..."""
    try:
        yield
    except Exception as error:
        reason = "not an image" if isinstance(error, Image.UnidentifiedImageError) else str(error) or repr(error)
        raise BadInputError(f"{source}: {reason}") from None


def decode_image(data: bytes, *, source: str) -> Image.Image:
    """Decode a file's bytes completely: first frame, EXIF orientation applied.

    ``BadInputError``, starting with ``source``, if they are no image of a known format, damaged, or too large.
    """
    with _faults(source):
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _check_size(image)
            if image.info.get("progressive") and (scans := data.count(_START_OF_SCAN)) > _MAX_SCANS:
                raise ValueError(f"a JPEG of {scans:,} scans, expected at most {_MAX_SCANS:,}")
            check_range(image)
            image.verify()
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            upright = ImageOps.exif_transpose(image)
            convert_image(upright.crop((0, 0, 1, 1)), channels=1)  # a mode that cannot be converted shows here
            return upright


def check_range(image: Image.Image) -> None:
    """ValueError if the file does not say which values are black and white; ``image`` is as Pillow opened it."""
    if image.mode == "F" or (image.mode == "I" and image.format not in _SIXTEEN_BITS):
        kind = "floating-point" if image.mode == "F" else "32-bit or signed integer"
        raise ValueError(f"{kind} pixels have no known range; try to save it with 8 or 16 bits (unsigned)")


def is_grey(image: Image.Image) -> bool:
    """Whether the picture has no colour channels."""
    return image.mode in ("1", "L", "LA") or image.mode.startswith("I")


def is_dim(image: Image.Image) -> bool:
    """Whether 16-bit grey uses at most a sixteenth of its range, as 12-bit pixels do: at most 15 of 255 remain."""
    return image.mode.startswith("I") and int(np.asarray(image).max()) < 2**12


def is_transparent(image: Image.Image) -> bool:
    """Whether some pixel is not opaque; ``convert_image`` shows the colours stored there."""
    if not image.has_transparency_data or image.mode.startswith("I"):  # Pillow has no 16-bit RGBA
        return False
    return int(np.asarray(image.convert("RGBA").getchannel("A")).min()) < 255


def convert_image(image: Image.Image, *, channels: int) -> Image.Image:
    """Make a picture of 8-bit grey (``channels`` 1) or RGB (3), without transparency; 16 bits keep the upper 8."""
    if "transparency" in image.info:
        image = image.copy()
        del image.info["transparency"]  # Pillow would warn of some and turn others into colours
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode == "LAB":  # Pillow makes RGB of it, and nothing else
        image = image.convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def crop_box(size: tuple[int, int], draws: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """A random part of a picture, of an area in ``CROP_AREA`` and a shape in ``CROP_RATIO``, clipped at the edge.

    ``size`` is width and height; ``draws``, float64 [4] in [0, 1), are for area, shape, left and top. Returns left,
    top, right and bottom, pixels.
    """
    width, height = size
    area = width * height * (CROP_AREA[0] + draws[0] * (CROP_AREA[1] - CROP_AREA[0]))
    low, high = map(math.log, CROP_RATIO)
    ratio = math.exp(low + draws[1] * (high - low))
    across = min(max(round(math.sqrt(area * ratio)), 1), width)
    down = min(max(round(math.sqrt(area / ratio)), 1), height)
    left, top = int(draws[2] * (width - across + 1)), int(draws[3] * (height - down + 1))
    return left, top, left + across, top + down
