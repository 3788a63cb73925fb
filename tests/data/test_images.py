import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageOps, TiffImagePlugin

from compress.data import images
from compress.data.framing import Framing
from compress.data.images import convert_image, decode_image, is_transparent
from compress.errors import BadInputError
from tests.data.files import write_image


def encode(image: Image.Image, *, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_bytes(side: int, pixels: bytes, *, bits: int = 8, colour: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    )


@pytest.mark.parametrize("suffix", ["png", "jpg", "jfif", "jpe", "bmp", "gif", "tiff", "webp", "ppm", "avif"])
def test_every_format_is_decoded(tmp_path, suffix):
    path = write_image(tmp_path / f"a.{suffix}", size=(9, 7))
    decoded = decode_image(path.read_bytes(), source=str(path))
    assert decoded.size == (9, 7)
    assert {channels: convert_image(decoded, channels=channels).mode for channels in (1, 3)} == {1: "L", 3: "RGB"}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "RGB", "RGBA", "P", "CMYK"])
def test_every_mode_becomes_grey_or_rgb(mode):
    wanted = 255 if mode == "1" else 200
    grey = Image.fromarray(np.full((4, 4), wanted, np.uint8))
    image = Image.new("I;16", (4, 4), 200 << 8) if mode == "I;16" else grey.convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    decoded = decode_image(encode(image, kind=kind), source="x")
    assert images.is_grey(decoded) == (mode in {"1", "L", "LA", "I;16"})
    assert abs(np.asarray(convert_image(decoded, channels=1)).astype(int) - wanted).max() <= 1
    assert np.asarray(convert_image(decoded, channels=3)).shape == (4, 4, 3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", sorted({*TiffImagePlugin.SAVE_INFO} - {"F", "I"}))
def test_every_mode_that_a_file_can_have_becomes_pixels(mode, channels):
    decoded = decode_image(encode(Image.new(mode, (4, 3)), kind="TIFF"), source="x")
    shown = convert_image(decoded, channels=channels)
    assert (shown.size, shown.mode) == ((4, 3), {1: "L", 3: "RGB"}[channels])


def test_lab_becomes_grey_by_way_of_rgb():
    data = encode(Image.new("LAB", (2, 2), (255, 128, 128)), kind="TIFF")  # L* 100, no colour: white
    assert convert_image(decode_image(data, source="x"), channels=1).getpixel((0, 0)) >= 254


def test_a_mode_that_pillow_cannot_convert_is_named(monkeypatch):
    monkeypatch.setattr(ImageOps, "exif_transpose", lambda image: image.convert("LA").convert("La"))
    with pytest.raises(BadInputError, match=r"^photo\.png: conversion from La to L not supported$"):
        decode_image(encode(Image.new("L", (2, 2))), source="photo.png")


@pytest.mark.parametrize("colour", [(250, 0, 0), (0, 250, 0), (0, 0, 250), (9, 80, 200)])
def test_colour_becomes_grey_by_its_luminance(colour):
    grey = convert_image(Image.new("RGB", (1, 1), colour), channels=1).getpixel((0, 0))
    assert grey == pytest.approx(np.dot(colour, (0.299, 0.587, 0.114)), abs=0.51)  # ITU-R BT.601


def test_the_upper_bits_of_sixteen_a_colour_are_kept():
    png = png_bytes(1, b"\0" + struct.pack(">3H", 4000, 256, 65_535), bits=16, colour=2)
    entries = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 3, 122), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 128)]
    entries += [(277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 1, 6)]
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    tiff = b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)
    assert len(tiff) == 122
    for data in (png, tiff + struct.pack("<6H", 16, 16, 16, 4000, 256, 65_535)):
        colours = convert_image(decode_image(data, source="x"), channels=3)
        assert colours.getpixel((0, 0)) == (15, 1, 255)


@pytest.mark.filterwarnings("error")
def test_transparency_leaves_the_colours_and_warns_of_nothing():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    decoded = decode_image(encode(image, transparency=bytes([255, 0])), source="x")
    assert is_transparent(decoded)
    assert convert_image(decoded, channels=3).getpixel((0, 0)) == (10, 20, 30)


@pytest.mark.parametrize(("alpha", "transparent"), [(255, False), (254, True), (0, True)])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_that_is_not_opaque_is_transparent_and_dropped(mode, alpha, transparent):
    image = Image.new("LA", (4, 4), (200, 255)).convert(mode)
    image.putpixel((1, 2), (*[10] * (len(mode) - 1), alpha))
    decoded = decode_image(encode(image), source="x")
    assert is_transparent(decoded) == transparent
    assert convert_image(decoded, channels=1).getpixel((1, 2)) == 10


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (7, 8, 9)), ("1", 0)])
def test_a_transparent_colour_counts_where_a_pixel_has_it(mode, colour):
    image = Image.new(mode, (4, 4), colour)
    other = {"L": 8, "RGB": (7, 8, 8), "1": 255}[mode]
    for chosen, transparent in ((colour, True), (other, False)):
        decoded = decode_image(encode(image, transparency=chosen), source="x")
        assert is_transparent(decoded) == transparent
        assert np.array_equal(np.asarray(convert_image(decoded, channels=3)), np.asarray(image.convert("RGB")))


def test_a_transparent_value_of_sixteen_bits_is_no_matter():
    decoded = decode_image(encode(Image.new("I;16", (4, 4), 4096), transparency=4096), source="x")
    assert not is_transparent(decoded)
    assert convert_image(decoded, channels=1).getpixel((0, 0)) == 16


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


def damaged_png() -> bytes:
    data = bytearray(encode(Image.new("L", (64, 64), 7)))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    return bytes(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an image$"),
        (b"hello", "not an image$"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image$"),
        (damaged_png(), ""),
        (png_bytes(10_000, bytes(1000)), ".*pixels"),  # would unpack to more than memory holds
        (png_bytes(60_000, bytes(1000)), ".*pixels"),
        (encode(Image.fromarray(np.ones((3, 3), np.float32)), kind="TIFF"), ".*floating-point"),
    ],
    ids=["empty", "text", "PostScript", "damaged", "bomb", "large bomb", "floating point"],
)
def test_what_is_no_image_of_pixels_that_fit_is_refused(data, message):
    with pytest.raises(BadInputError, match=f"^here: {message}"):
        decode_image(data, source="here")


def test_a_jpeg_that_goes_through_its_pixels_for_ever_is_refused():
    data = encode(Image.new("L", (64, 64), 7), kind="JPEG", progressive=True)
    assert decode_image(data, source="here").size == (64, 64)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(BadInputError, match=r"^here: a JPEG of 2,00\d scans, expected at most 200$"):
        decode_image(data[:-2] + scan * 2000 + b"\xff\xd9", source="here")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_an_image_takes_is_known_from_its_header(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(5000, b""))
    with path.open("rb") as file:
        assert images.memory_of(file, source="x") == path.stat().st_size + 12 * 5000**2
    path.write_bytes(png_bytes(10_000, b""))
    with path.open("rb") as file, pytest.raises(BadInputError, match=r"^here: 10000 x 10000 is more than 89,478,485"):
        images.memory_of(file, source="here")


def test_threads_hold_no_more_together_than_there_is():
    budget, held, most = images.MemoryBudget(10), [], []

    def work(wanted):
        with budget.hold(wanted):
            held.append(min(wanted, 10))
            most.append(sum(held))
            time.sleep(0.001)
            held.remove(min(wanted, 10))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [4, 5, 3, 100, 1, 9, 10, 2] * 5))
    assert max(most) <= 10
    assert not held


def test_the_whole_square_is_kept_of_any_shape():
    image = Image.fromarray(np.tile(np.arange(0, 250, 10, dtype=np.uint8), (5, 1)))  # 25 wide, 5 high
    assert np.asarray(Framing().fit(image, size=5)).tolist() == [[100, 110, 120, 130, 140]] * 5
    assert Framing().fit(image.resize((3000, 1)), size=7).size == (7, 7)


def test_a_random_part_lies_inside_and_has_the_area_and_shape_drawn():
    draws = np.random.default_rng(0).random((2000, 4))
    boxes = np.array([images.crop_box((60, 40), row) for row in draws])
    left, top, right, bottom = boxes.T
    free = ((right - left) < 60) & ((bottom - top) < 40)
    areas, shapes = ((right - left) * (bottom - top))[free], ((right - left) / (bottom - top))[free]
    assert areas.min() > 0.33 * 2400
    assert 0.7 < shapes.min() < 0.8
    assert 1.25 < shapes.max() < 1.4
    assert (left.min(), top.min(), right.max(), bottom.max()) == (0, 0, 60, 40)


@pytest.mark.parametrize(
    ("size", "draws", "box"),
    [
        ((100, 100), (1.0, 0.5, 0.0, 0.0), (0, 0, 100, 100)),  # all of it
        ((100, 100), (0.0, 0.5, 0.0, 0.0), (0, 0, 59, 59)),  # 0.35 of it: 59.2 a side
        ((100, 100), (0.0, 0.5, 1 - 1e-9, 1 - 1e-9), (41, 41, 100, 100)),  # at the far corner
        ((100, 100), (1.0, 1.0, 0.0, 0.5), (0, 7, 100, 94)),  # 115 x 87: cut off at the edge
        ((1, 1), (0.0, 0.0, 0.9, 0.9), (0, 0, 1, 1)),
    ],
)
def test_parts_worked_out_by_hand(size, draws, box):
    assert images.crop_box(size, np.array(draws)) == box


def test_a_film_behind_a_photograph_is_no_matter():
    """Phones put one there; its bytes may look like scans of a JPEG."""
    photo = encode(Image.new("RGB", (8, 6), "red"), kind="JPEG")
    assert decode_image(photo + 300 * b"\xff\xda", source="motion.jpg").size == (8, 6)
