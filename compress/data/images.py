"""Decoding of one image file to a grey or RGB picture."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from compress.errors import BadInputError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # EPS would start a program
_MAX_PIXELS = 89_478_485  # Pillow warns above this number: a quarter GiB of RGB


def decode_image(data: bytes, *, source: str) -> Image.Image:
    """Decode a file's bytes completely: first frame, EXIF orientation applied.

    Raises:
        BadInputError: not an image of a known format, truncated, damaged, or too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} is more than {_MAX_PIXELS:,} pixels")
            if image.mode == "F":
                raise ValueError("floating-point pixels have no known range")
            image.verify()
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            upright = ImageOps.exif_transpose(image)
        return upright
    except Exception as error:  # decoders of damaged bytes raise anything: SyntaxError, struct.error, IndexError...
        reason = "not an image" if isinstance(error, Image.UnidentifiedImageError) else str(error) or repr(error)
        raise BadInputError(f"{source}: {reason}") from None


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
    return int(np.asarray(image.convert("RGBA"))[..., 3].min()) < 255


def convert_image(image: Image.Image, *, channels: int) -> Image.Image:
    """Make a picture of 8-bit grey (``channels`` 1) or RGB (3), without transparency; 16 bits keep the upper 8."""
    if "transparency" in image.info:
        image = image.copy()
        del image.info["transparency"]  # Pillow would warn of some and turn others into colours
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return image.convert("L" if channels == 1 else "RGB")


def read_image(path: Path, *, channels: int) -> Image.Image:
    """Read a picture of 8-bit grey or RGB.

    Raises:
        BadInputError: the file cannot be read or decoded.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None
    return convert_image(decode_image(data, source=str(path)), channels=channels)


def fit_image(image: Image.Image, *, size: int) -> Image.Image:
    """The largest centred square, resized to ``size`` x ``size`` pixels, bilinear with antialiasing."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.BILINEAR)
