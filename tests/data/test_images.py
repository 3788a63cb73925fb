import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from compress.data.images import convert_image, decode_image, is_grey, read_image
from compress.errors import BadInputError
from tests.data.files import write_image


def encode(image: Image.Image, *, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tiff", "webp", "ppm"])
def test_every_format_is_decoded(tmp_path, suffix):
    path = write_image(tmp_path / f"a.{suffix}", size=(9, 7))
    assert read_image(path, channels=3).size == (9, 7)
    assert read_image(path, channels=3).mode == "RGB"
    assert read_image(path, channels=1).mode == "L"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "RGB", "RGBA", "P", "CMYK"])
def test_every_mode_becomes_grey_or_rgb(mode):
    wanted = 255 if mode == "1" else 200
    grey = Image.fromarray(np.full((4, 4), wanted, np.uint8))
    image = Image.new("I;16", (4, 4), 200 << 8) if mode == "I;16" else grey.convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    decoded = decode_image(encode(image, kind=kind), source="x")
    assert is_grey(decoded) == (mode in {"1", "L", "LA", "I;16"})
    assert abs(np.asarray(convert_image(decoded, channels=1)).astype(int) - wanted).max() <= 1
    assert np.asarray(convert_image(decoded, channels=3)).shape == (4, 4, 3)


def test_sixteen_bits_are_scaled_not_clipped():
    pixels = np.array([[0, 256, 32_768, 65_535]], np.uint16)
    decoded = decode_image(encode(Image.fromarray(pixels)), source="x")
    assert np.asarray(convert_image(decoded, channels=1)).tolist() == [[0, 1, 128, 255]]


def test_transparency_leaves_the_colours_and_warns_of_nothing():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    data = encode(image, transparency=bytes([255, 0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        colours = convert_image(decode_image(data, source="x"), channels=3)
    assert colours.getpixel((0, 0)) == (10, 20, 30)


def test_a_turned_photograph_is_set_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    data = encode(Image.new("RGB", (8, 4)), kind="JPEG", exif=exif)
    assert decode_image(data, source="x").size == (4, 8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp"])
def test_a_truncated_file_is_refused(tmp_path, suffix):
    data = write_image(tmp_path / f"a.{suffix}").read_bytes()
    for part in (0.05, 0.5, 0.9):
        with pytest.raises(BadInputError, match=r"^here: "):
            decode_image(data[: int(len(data) * part)], source="here")


@pytest.mark.parametrize("data", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(BadInputError, match=r"^here: not an image$"):
        decode_image(data, source="here")


def test_a_damaged_png_is_refused():
    data = bytearray(encode(Image.new("L", (64, 64), 7)))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    with pytest.raises(BadInputError, match=r"^here: "):
        decode_image(bytes(data), source="here")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_bomb_is_refused_before_it_is_unpacked(side):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(BadInputError, match="pixels"):
        decode_image(data, source="here")


def test_floating_point_images_are_refused():
    image = Image.fromarray(np.ones((3, 3), np.float32))
    with pytest.raises(BadInputError, match="floating-point"):
        decode_image(encode(image, kind="TIFF"), source="here")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"cannot read .*none\.png: No such file"):
        read_image(tmp_path / "none.png", channels=1)
