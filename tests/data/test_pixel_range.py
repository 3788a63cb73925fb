"""Grey images of more than 8 bits: 16 become 8, and pixels that nobody can scale are refused."""

import io

import numpy as np
import pytest
from PIL import Image

from compress.data import images
from compress.data.images import convert_image, decode_image
from compress.data.preprocessing import Preprocessing
from compress.errors import BadInputError
from tests.data.test_images import encode


def test_sixteen_bits_are_scaled_not_clipped():
    pixels = np.array([[0, 256, 32_768, 65_535]], np.uint16)
    decoded = decode_image(encode(Image.fromarray(pixels)), source="x")
    assert np.asarray(convert_image(decoded, channels=1)).tolist() == [[0, 1, 128, 255]]


def test_sixteen_bits_in_more_are_read_as_sixteen():
    image = Image.fromarray(np.array([[0, 256, 32_768, 65_535]], np.int32))
    decoded = decode_image(encode(image, kind="PPM"), source="x")
    assert decoded.mode == "I"
    assert np.asarray(convert_image(decoded, channels=1)).tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize("values", [(0, 255), (0, 65_535), (-5, 2**31 - 1)])
def test_integers_of_thirty_two_bits_are_refused_whatever_their_values(values):
    image = Image.fromarray(np.array([values], np.int32))
    data = encode(image, kind="TIFF")
    with pytest.raises(BadInputError, match=r"^scan\.tif: 32-bit or signed integer pixels have no known range; try to"):
        decode_image(data, source="scan.tif")
    with pytest.raises(ValueError, match="no known range"):
        Preprocessing(8, 1, (0.5,), (0.5,))(Image.open(io.BytesIO(data)))


def test_signed_integers_of_sixteen_bits_are_refused():
    data = bytearray(encode(Image.new("I;16", (2, 2), 7), kind="TIFF", tiffinfo={339: 2}))
    assert Image.open(io.BytesIO(data)).mode == "I"
    with pytest.raises(BadInputError, match=r"^ct\.tif: 32-bit or signed integer pixels"):
        decode_image(bytes(data), source="ct.tif")


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "TIFF"), ("I;16B", "TIFF"), ("I;16", "PNG"), ("I", "PPM")])
@pytest.mark.parametrize(("highest", "dim"), [(0, True), (4095, True), (4096, False), (65_535, False)])
def test_only_sixteen_bits_whose_upper_ones_are_unused_are_dim(mode, kind, highest, dim):
    image = Image.new(mode, (3, 2))
    image.putpixel((2, 1), highest)
    assert images.is_dim(decode_image(encode(image, kind=kind), source="x")) == dim
    assert not any(images.is_dim(Image.new(mode, (3, 2))) for mode in ("1", "L", "P", "RGB"))
