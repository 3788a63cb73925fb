import json

import pytest

from compress.data.bundle import DataBundle
from compress.data.preprocessing import Preprocessing
from compress.errors import BadInputError, UsageError
from compress.settings.config import build
from compress.settings.verify import UserOverrides
from compress.verdict.file_metadata import (
    read_framing,
    read_image_size,
    read_preparation,
    read_resize,
)
from exporters.read.preparation import RAW_PIXELS, Preparation
from exporters.read.signature import Signature

CLASSES = ("ant", "bee", "cat")
OWN = Preparation((0.286,), (0.353,))


def bundle(classes=CLASSES) -> DataBundle:
    shown = Preprocessing(image_size=16, channels=1, mean=OWN.mean, std=OWN.std, decoding="by hand")
    return DataBundle("insects", classes, None, None, None, preprocessing=shown, fingerprint="0", test_fingerprint="0")


def takes(*, dtype="float32", channels=1, height=None, width=None) -> Signature:
    return Signature("x", "y", "NCHW", dtype, None, channels, height, width, 3)


def metadata(**values) -> dict[str, str]:
    return {key: json.dumps(value) for key, value in values.items()}


def prepared(noted, *, overrides=None, signature=None):
    return read_preparation(noted, signature or takes(), overrides or UserOverrides(), bundle(), source="net.onnx")


NOTED = metadata(mean=[0.5], std=[0.25])


def test_the_files_own_values_go_first_then_the_users():
    assert prepared(NOTED) == (Preparation((0.5,), (0.25,)), ())
    preparation, (note,) = prepared(NOTED, overrides=UserOverrides(mean=(0.1,), std=(0.2,)))
    assert preparation == Preparation((0.5,), (0.25,))
    assert note == "net.onnx says itself how its images are prepared: --mean and --std are not used for it"
    assert prepared(NOTED, overrides=UserOverrides(mean=(0.5,), std=(0.25,)))[1] == ()
    colour = UserOverrides(mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.2))  # for the other file
    assert prepared(NOTED, overrides=colour)[0] == Preparation((0.5,), (0.25,))
    assert prepared({}, overrides=colour, signature=takes(channels=3)) == (Preparation(colour.mean, colour.std), ())
    one = UserOverrides(mean=(0.5,), std=(0.25,))
    assert prepared({}, overrides=one, signature=takes(channels=3))[0] == Preparation((0.5,) * 3, (0.25,) * 3)
    with pytest.raises(UsageError, match=r"--mean and --std for net\.onnx: expected 1 values"):
        prepared({}, overrides=colour)


@pytest.mark.parametrize(
    "noted",
    [
        {},
        {"mean": "[0.5"},
        {"mean": "[" * 100_000},
        metadata(mean=[0.5]),
        metadata(mean=[123.7], std=[58.4]),
        metadata(mean="a", std="b"),
        metadata(mean=[], std=[]),
        metadata(mean=[[0.5]], std=[[0.5]]),
        metadata(mean=[0.5, 0.5], std=[0.5, 0.5]),
        metadata(mean=[10**400], std=[1]),
        {"mean": "[1e999]", "std": "[1e999]"},
    ],
)
def test_else_the_data_sets_own_with_a_note(noted):
    preparation, (note,) = prepared(noted)
    assert preparation == OWN
    assert note.startswith("net.onnx does not say how its images are prepared: assumed pixels / 255, less the mean")
    assert "--mean and --std" in note
    repeated, _notes = prepared(noted, signature=takes(channels=3))
    assert repeated == Preparation((0.286,) * 3, (0.353,) * 3)


def test_bytes_are_pixels_whatever_is_given():
    given = UserOverrides(mean=(0.1,), std=(0.2,))
    assert prepared(NOTED, overrides=given, signature=takes(dtype="uint8")) == (RAW_PIXELS, ())


IMPOSSIBLE = [((0.5,), None), (None, (0.5,)), ((0.5,), (0.0,))]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        *(({"mean": mean, "std": std}, "--mean and --std: expected") for mean, std in IMPOSSIBLE),
        ({"mean": (123.0,), "std": (58.0,)}, "--mean: expected values of 0 to 1, got 123: .* add --pixel-range 255"),
        *(({"image_size": size}, "--image-size: expected at least 16, got") for size in (-1, 0, 15)),
        *(({"image_size": size}, "--image-size: expected at most 1024, got") for size in (1025, 10**400)),
    ],
)
def test_values_of_the_user_that_cannot_be(values, message):
    with pytest.raises(UsageError, match=message):
        build(UserOverrides, values)
    assert {UserOverrides(image_size=nearest).image_size for nearest in (16, 1024)} == {16, 1024}


@pytest.mark.parametrize(
    ("size", "noted", "overrides", "expected"),
    [
        ({"height": 48, "width": 48}, None, None, 48),
        ({"height": 48, "width": 48}, 32, 64, 48),
        ({"height": 48}, None, None, 48),
        ({}, 32, None, 32),
        ({}, 32, 64, 64),
        *(({}, value, None, None) for value in ("big", True, None)),
    ],
)
def test_the_image_size(size, noted, overrides, expected):
    stated = UserOverrides(image_size=overrides)
    assert read_image_size(metadata(image_size=noted), takes(**size), stated, source="net.onnx") == expected


@pytest.mark.parametrize(
    ("signature", "noted", "message"),
    [
        (takes(height=32, width=48), {}, r"expected square images, net\.onnx takes 32 x 48 pixels"),
        (takes(height=4096), {}, r"at most 1024 pixels a side, net\.onnx takes"),
        (takes(), metadata(image_size=10**9), r"at most 1024 pixels a side, net\.onnx takes"),
    ],
)
def test_images_that_are_not_square_or_too_large(signature, noted, message):
    with pytest.raises(BadInputError, match=message):
        read_image_size(noted, signature, UserOverrides(), source="net.onnx")


def test_another_resize_is_noted():
    here = "by hand, largest centred square, bilinear with antialiasing to the size, rounded to 8 bits"
    assert read_resize(metadata(resize=here), bundle(), source="net.onnx") == ()
    assert read_resize({}, bundle(), source="net.onnx") == ()
    (note,) = read_resize(metadata(resize="by foot"), bundle(), source="net.onnx")
    assert note == f"net.onnx was made for images resized so: by foot; here: {here}"


def test_a_files_metadata_names_no_file_that_is_read(tmp_path):
    there = tmp_path / "config.json"
    there.write_text(json.dumps({"input_size": [3, 64, 64], "crop_pct": 0.9}))
    framing, notes = read_framing(
        metadata(preprocessing={"preprocessing": str(there), "resize": 40}), UserOverrides(), source="net.onnx"
    )
    assert (framing, notes) == ({"resize": 40, "crop": None, "interpolation": None}, ())
