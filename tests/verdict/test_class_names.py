"""Class names in a file's metadata, and the order of its outputs that follows from them."""

import json

import pytest

from compress.data.bundle import DataBundle
from compress.data.preprocessing import Preprocessing
from compress.verdict.file_metadata import class_names, read_class_order

CLASSES = ("ant", "bee", "cat")


def metadata(**values) -> dict[str, str]:
    return {key: json.dumps(value) for key, value in values.items()}


def ordered(noted, classes=CLASSES):
    shown = Preprocessing(image_size=16, channels=1, mean=(0.5,), std=(0.5,))
    data = DataBundle("insects", classes, None, None, None, preprocessing=shown, fingerprint="0", test_fingerprint="0")
    return read_class_order(noted, data, source="net.onnx")


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


@pytest.mark.parametrize("key", ["classes", "names", "labels", "class_names", "id2label", "label2id"])
@pytest.mark.parametrize(
    "value",
    [
        '["cat", "ant", "bee"]',
        "['cat', 'ant', 'bee']",
        "('cat', 'ant', 'bee')",
        '{"0": "cat", "1": "ant", "2": "bee"}',
        "{0: 'cat', 1: 'ant', 2: 'bee'}",
        '{"bee": 2, "cat": 0, "ant": 1}',
    ],
)
def test_names_as_other_tools_write_them(key, value):
    assert ordered({key: value})[0] == (1, 2, 0)


def test_a_key_that_says_something_else_does_not_hide_the_next():
    assert ordered({"labels": '"many"', "id2label": '{"0": "bee", "1": "cat", "2": "ant"}'})[0] == (2, 0, 1)


def test_a_list_of_classes_goes_before_names():
    both = {"names": str({0: "cat", 1: "ant", 2: "bee"})} | metadata(classes=["bee", "ant", "cat"])
    assert ordered(both)[0] == (1, 0, 2)


@pytest.mark.parametrize(
    "names",
    [
        "{0: 'cat', 1: 'ant', 3: 'bee'}",
        "{0: 'cat', 'one': 'ant', 2: 'bee'}",
        "{0: 'cat', 1: 'ant', None: 'bee'}",
        "{0: 'cat', 1e999: 'ant', 2: 'bee'}",
        "{0: 'cat', True: 'ant', 2: 'bee'}",
        "{'cat': 0, 'ant': 0, 'bee': 1}",
        "{0: 'cat', '0': 'ant', 1: 'bee'}",
        "['cat', ['ant'], 'bee']",
        "9" * 700,
        "[" * 700,
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
    unread = "net.onnx names no 3 classes that can be read in 'names': assumed in the data set's sorted order, ant, "
    assert (order, note) == (None, unread + "bee, cat")


def test_a_file_without_metadata():
    assert ordered({}) == (None, ("net.onnx does not name its classes: assumed in the data set's sorted order, ant, "
                                  "bee, cat",))  # fmt: skip


@pytest.mark.parametrize(
    "names", [None, ["ant"], 3, ["ant", "bee", None], ["ant", "bee", "dog"], ["ant", "ant", "cat"]]
)
def test_classes_that_are_not_named_or_others(names):
    order, (note,) = ordered(metadata(classes=names))
    assert order is None
    three = isinstance(names, list) and len(names) == 3 and None not in names
    assert ("names other classes" if three else "names no 3 classes that can be read in 'classes'") in note


def test_half_a_character_is_replaced():
    assert class_names({"classes": '["\\ud800", "b"]'}, longest=100) == ["?", "b"]


def test_classes_that_are_no_json_and_many_that_are_not_all_named():
    _order, (note,) = ordered({"classes": "ant,bee"}, classes=tuple(f"n{number:03}" for number in range(1000)))
    assert note.endswith("sorted order, n000, n001, n002, ..., n999")
