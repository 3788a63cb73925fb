"""Pictures are framed pixel for pixel as torchvision's and timm's transforms do it."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from compress.data.framing import Framing
from compress.data.images import convert_image, decode_image
from compress.data.preprocessing import Preprocessing
from models_zoo.torchvision_mend import torchvision

transforms = torchvision.transforms
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = [(97, 64), (64, 97), (101, 101), (67, 200), (333, 65), (64, 64), (31, 45)]
"""Width and height: portrait, landscape, odd sides where rounding matters, smaller than the crop."""


def photograph(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """Edges, slopes and noise: every filter and every shift by a pixel shows."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(width).integers(0, 60, (height, width, 3))
    pixels = np.stack([x * 190 // width, y * 190 // height, (x // 7 + y // 5) % 2 * 190], axis=-1) + noise
    return Image.fromarray(pixels.astype(np.uint8)).convert(mode)


def prepared(picture: Image.Image, framing: Framing, *, size: int = 48, order="rgb") -> torch.Tensor:
    return Preprocessing(size, 3, MEAN, STD, framing, order)(picture)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("resize", [48, 55, 64])
def test_the_shorter_side_and_the_centre_crop_as_torchvision(resize, interpolation):
    mode = transforms.InterpolationMode(interpolation)
    framed = [transforms.Resize(resize, mode), transforms.CenterCrop(48)]
    theirs = transforms.Compose([*framed, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    for size in SIZES:
        picture = photograph(size)
        ours = prepared(picture, Framing(resize, None, interpolation))
        assert torch.equal(ours, theirs(picture)), size


@pytest.mark.parametrize(("resize", "interpolation"), [(52, "bilinear"), (64, "bicubic")])
def test_as_the_transforms_of_torchvisions_published_weights(resize, interpolation):
    mode = transforms.InterpolationMode(interpolation)
    theirs = transforms._presets.ImageClassification(crop_size=48, resize_size=resize, interpolation=mode)
    for size in SIZES:
        picture = photograph(size)
        assert torch.equal(prepared(picture, Framing(resize, None, interpolation)), theirs(picture)), size


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("share", [0.875, 0.9, 0.965, 1.0])
@pytest.mark.parametrize("mode", ["center", "squash"])
def test_a_share_as_timms_crop_pct(mode, share, interpolation):
    from timm.data import create_transform  # after torchvision was mended

    theirs = create_transform(
        (3, 48, 48), is_training=False, crop_pct=share, crop_mode=mode, interpolation=interpolation, mean=MEAN, std=STD
    )
    framing = Framing("squash" if mode == "squash" else None, share, interpolation)
    for size in SIZES:
        picture = photograph(size)
        assert torch.equal(prepared(picture, framing), theirs(picture)), size


@pytest.mark.parametrize("kind", ["L", "RGBA", "P", "CMYK", "1"])
def test_colours_as_the_loaders_of_both_libraries(kind):
    """Both convert to RGB, drop transparency, and repeat grey."""
    picture, framing = photograph((97, 64), "RGB").convert(kind), Framing(55)
    theirs = transforms.Compose([transforms.Resize(55), transforms.CenterCrop(48), transforms.PILToTensor()])
    wanted = theirs(picture.convert("RGB"))
    stream = io.BytesIO()
    picture.save(stream, "TIFF")
    found = framing.fit(convert_image(decode_image(stream.getvalue(), source="x"), channels=3), size=48)
    assert torch.equal(transforms.functional.pil_to_tensor(found), wanted)


def test_a_picture_turned_by_exif_is_framed_upright():
    lying, exif = photograph((97, 64)), Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right makes it upright
    stream = io.BytesIO()
    lying.save(stream, "PNG", exif=exif)
    upright = lying.transpose(Image.Transpose.ROTATE_270)
    assert torch.equal(prepared(Image.open(stream), Framing(55)), prepared(upright, Framing(55)))
    assert not torch.equal(prepared(lying, Framing(55)), prepared(upright, Framing(55)))


def test_blue_first():
    picture = photograph((97, 64))
    plain = Preprocessing(48, 3, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))(picture)
    swapped = Preprocessing(48, 3, (0.3, 0.2, 0.1), (0.6, 0.5, 0.4), channel_order="bgr")
    assert torch.equal(swapped(picture).flip(0), plain)
    levels = np.asarray(Framing().fit(picture, size=48))
    np.testing.assert_array_equal(swapped.restore(swapped(picture)), levels)


@pytest.mark.parametrize(
    ("framing", "words"),
    [
        (Framing(), "largest centred square, bilinear with antialiasing to the size, rounded to 8 bits"),
        (Framing("squash"), "bilinear with antialiasing to the size, aspect ratio not kept, rounded to 8 bits"),
        (
            Framing(256, None, "bicubic"),
            "bicubic with antialiasing to a shorter side of 256 pixels, centred 224 x 224 pixels cut out, "
            "rounded to 8 bits",
        ),
        (
            Framing("squash", 0.875, "nearest"),
            "nearest to 256 x 256 pixels, aspect ratio not kept, centred 224 x 224 pixels cut out, rounded to 8 bits",
        ),
    ],
)
def test_in_words(framing, words):
    assert framing.in_words(224) == words
