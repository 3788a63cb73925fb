import numpy as np
import pytest
import torch

from compress.data.preprocessing import Preprocessing
from compress.data.splits import MemorySplit
from exporters.errors import ExportError
from exporters.read.preparation import RAW_PIXELS, Conversion, Preparation
from exporters.read.signature import Signature

GREY = Preparation((0.286,), (0.353,))
COLOUR = Preparation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Preparation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def takes(*, layout="NCHW", dtype="float32", channels=3) -> Signature:
    return Signature("x", "y", layout, dtype, None, channels, None, None, 5)


def loaded(pixels_NHWC: np.ndarray, preparation: Preparation) -> np.ndarray:
    """As a data set's own split gives them."""
    size, channels = pixels_NHWC.shape[1], pixels_NHWC.shape[3]
    order = "bgr" if preparation.bgr else "rgb"
    shown = Preprocessing(size, channels, mean=preparation.mean, std=preparation.std, channel_order=order)
    labels = torch.zeros(len(pixels_NHWC), dtype=torch.int64)
    split = MemorySplit(torch.from_numpy(pixels_NHWC), labels, preprocessing=shown)
    images, _labels = next(split.batches(len(pixels_NHWC)))
    return images.numpy()


def every_pixel(channels: int) -> np.ndarray:
    """All 256 values in every channel: uint8 [2, 16, 16, C], each image and channel in its own order."""
    random = np.random.default_rng(0)
    planes = [random.permutation(256).reshape(16, 16) for _ in range(2 * channels)]
    return np.stack(planes).reshape(2, channels, 16, 16).transpose(0, 2, 3, 1).astype(np.uint8).copy()


def test_the_same_preparation_passes_bit_for_bit():
    images = np.random.default_rng(0).standard_normal((2, 3, 4, 4), dtype=np.float32)  # no 8-bit pixels at all
    np.testing.assert_array_equal(Conversion(COLOUR, COLOUR, takes()).convert(images), images)
    turned = Conversion(COLOUR, COLOUR, takes(layout="NHWC")).convert(images)
    np.testing.assert_array_equal(turned, images.transpose(0, 2, 3, 1))
    halved = Conversion(COLOUR, COLOUR, takes(dtype="float16")).convert(images)
    np.testing.assert_array_equal(halved, images.astype(np.float16))


@pytest.mark.parametrize("preparation", [COLOUR, HALF, Preparation((0.0,) * 3, (1.0,) * 3)])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_files_of_bytes_get_the_very_pixels(preparation, layout):
    pixels = every_pixel(3)
    conversion = Conversion(preparation, RAW_PIXELS, takes(layout=layout, dtype="uint8"))
    images = conversion.convert(loaded(pixels, preparation))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images if layout == "NHWC" else images.transpose(0, 2, 3, 1), pixels)


def test_another_normalisation_gives_what_the_loader_would_have_given():
    colour, grey = every_pixel(3), every_pixel(1)
    assert not loaded(colour, COLOUR).flags.c_contiguous
    assert Conversion(COLOUR, COLOUR, takes()).convert(loaded(colour, COLOUR)).flags.c_contiguous
    images = Conversion(COLOUR, HALF, takes()).convert(loaded(colour, COLOUR))
    np.testing.assert_array_equal(images, loaded(colour, HALF))
    repeated = Conversion(GREY, COLOUR, takes()).convert(loaded(grey, GREY))
    np.testing.assert_array_equal(repeated, loaded(np.repeat(grey, 3, axis=3), COLOUR))
    raw = Conversion(GREY, RAW_PIXELS, takes(channels=1)).convert(loaded(grey, GREY))
    assert raw.dtype == np.float32
    np.testing.assert_array_equal(raw, grey.transpose(0, 3, 1, 2))


def test_blue_first_for_the_data_or_the_file_or_both():
    pixels, blue = every_pixel(3), Preparation(COLOUR.mean, COLOUR.std, bgr=True)
    np.testing.assert_array_equal(
        Conversion(COLOUR, blue, takes()).convert(loaded(pixels, COLOUR)), loaded(pixels, blue)
    )
    np.testing.assert_array_equal(Conversion(blue, HALF, takes()).convert(loaded(pixels, blue)), loaded(pixels, HALF))
    raw = Conversion(blue, RAW_PIXELS, takes(layout="NHWC", dtype="uint8")).convert(loaded(pixels, blue))
    np.testing.assert_array_equal(raw, pixels)
    assert blue.in_words().startswith("in the order blue, green, red: pixels / 255")


def test_colours_are_not_dropped():
    with pytest.raises(ExportError, match="expected images of 1 channel as the file takes them, got 3"):
        Conversion(COLOUR, GREY, takes(channels=1)).convert(np.zeros((1, 3, 4, 4), np.float32))
    with pytest.raises(ExportError, match="expected 1 values of mean and std or one for all, got 3"):
        COLOUR.for_channels(1)


def test_one_value_serves_all_channels_and_the_words():
    assert Preparation((0.5,), (0.25,)).for_channels(3) == Preparation((0.5,) * 3, (0.25,) * 3)
    assert COLOUR.for_channels(3) is COLOUR
    assert RAW_PIXELS.for_channels(3) is RAW_PIXELS
    assert GREY.in_words() == "pixels / 255, less the mean (0.286), divided by the std (0.353)"
    assert RAW_PIXELS.in_words() == "8-bit pixels as they are, 0 to 255"


@pytest.mark.parametrize(
    ("mean", "std"),
    [((0.5,), None), (None, (0.5,)), ((0.5,), (0.0,)), ((0.5,), (0.5, 0.5)), ((123.7,), (0.5,)), ((0.5,), (58.4,)),
     ((float("nan"),), (0.5,)), ((), ())],
)  # fmt: skip
def test_values_that_are_none(mean, std):
    with pytest.raises(ExportError, match="pixels scaled to"):
        Preparation(mean, std)
