import json

import pytest

from compress.data.bundle import DataBundle
from compress.data.preprocessing import Preprocessing
from compress.errors import BadInputError, UsageError
from compress.settings.config import build
from compress.settings.verify import UserOverrides
from compress.verdict.file_metadata import (
    read_class_order,
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


def ordered(noted, classes=CLASSES):
    return read_class_order(noted, bundle(classes), source="net.onnx")


@pytest.mark.parametrize(("classes", "names"), [(CLASSES, ["cat", "ant", "bee"]), (("0", "1", "2"), [2, 0, 1])])
def test_the_same_classes(classes, names):
    assert ordered(metadata(classes=sorted(names)), classes) == (None, ())
    order, (note,) = ordered(metadata(classes=names), classes)
    assert order == (1, 2, 0)
    assert "another order" in note


CAFE, ON_A_MAC = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("names", "classes", "expected"),
    [
        ({0: "cat", 1: "ant", 2: "bee"}, CLASSES, (1, 2, 0)),
        ({2: "bee", 1: "ant", 0: "cat"}, CLASSES, (1, 2, 0)),
        ({"0": "bee", "1": "cat", "2": "ant"}, CLASSES, (2, 0, 1)),
        ({0: "it's", 1: 'a "b"'}, ('a "b"', "it's"), (1, 0)),
        ({0: "zoo", 1: ON_A_MAC}, (CAFE, "zoo"), (1, 0)),
    ],
)
def test_names_as_ultralytics_writes_them(names, classes, expected):
    order, (note,) = ordered({"names": str(names), "task": "classify"}, classes)
    assert order == expected
    assert "another order" in note
    assert ordered({"names": str(dict(enumerate(classes)))}, classes) == (None, ())


def test_a_list_of_classes_goes_before_names():
    both = {"names": str({0: "cat", 1: "ant", 2: "bee"})} | metadata(classes=["bee", "ant", "cat"])
    assert ordered(both)[0] == (1, 0, 2)


@pytest.mark.parametrize(
    "names",
    [
        "{0: 'cat', 1: 'ant', 3: 'bee'}",
        "{0: 'cat', 'one': 'ant', 2: 'bee'}",
        "{0: 'cat', 1: 'ant', None: 'bee'}",
        "['cat', 'ant', 'bee']",
        "__import__('os').getcwd()",
        "{0: open('x')}",
        "cat, ant, bee",
        "{" * 500,
        "-" * 700 + "1",
        "{0: '" + "a" * 1000 + "', 1: 'b', 2: 'c'}",
    ],
)
def test_names_that_cannot_be_read_are_none(names):
    order, (note,) = ordered({"names": names})
    assert (order, note) == (None, UNNAMED)


UNNAMED = "net.onnx does not name its classes: assumed in the data set's sorted order, ant, bee, cat"


@pytest.mark.parametrize(
    "names", [None, ["ant"], 3, ["ant", "bee", "dog"], ["ant", "ant", "cat"], ["ant", "bee", None]]
)
def test_classes_that_are_not_named_or_others(names):
    order, (note,) = ordered(metadata(classes=names))
    assert order is None
    three = isinstance(names, list) and len(names) == 3
    assert ("names other classes" if three else UNNAMED) in note


def test_classes_that_are_no_json_and_many_that_are_not_all_named():
    _order, (note,) = ordered({"classes": "ant,bee"}, classes=tuple(f"n{number:03}" for number in range(1000)))
    assert note.endswith("sorted order, n000, n001, n002, ..., n999")


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
