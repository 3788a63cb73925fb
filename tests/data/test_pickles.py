"""A pickle is read as data: what CIFAR's files hold comes out as pickle itself would give it, all else is refused."""

import pickle
import struct

import numpy as np
import pytest

from compress.data.pickles import read_pickle
from compress.errors import BadInputError
from tests.helpers.datasets import python2_pickle

ARRAY = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3)
BATCH = {"labels": [1, 0, 300], "data": ARRAY, "filenames": ["a.png"], "batch_label": "one of 1"}


@pytest.mark.parametrize("protocol", [None, 0, 2, 4, 5], ids=["Python 2"] + [f"Python 3, {n}" for n in (0, 2, 4, 5)])
def test_a_batch_is_what_pickle_itself_gives(protocol):
    data = python2_pickle(BATCH) if protocol is None else pickle.dumps(BATCH, protocol)
    expected = pickle.loads(data, encoding="latin1")
    found = read_pickle(data, source="x")
    assert found.keys() == expected.keys()
    assert found["labels"] == expected["labels"] == [1, 0, 300]
    assert found["filenames"] == ["a.png"]
    assert found["data"].dtype == expected["data"].dtype == np.uint8
    assert (found["data"] == expected["data"]).all()


@pytest.mark.parametrize("kind", ["<i8", ">i4", "|b1", "<u2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [2, 5])
def test_whole_numbers_of_any_width_and_order(kind, order, protocol):
    array = np.asarray(np.arange(6).reshape(2, 3) % 2, kind, order=order)
    found = read_pickle(pickle.dumps(array, protocol), source="x")
    assert found.dtype == array.dtype
    assert (found == array).all()


class Evil:
    def __init__(self, call, *arguments):
        self.parts = (call, arguments)

    def __reduce__(self):
        return self.parts


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Evil(eval, "open('/tmp/never', 'w')"), "eval"),
        (Evil(print, "hello"), "print"),
        (Evil(getattr, "x", "y"), "getattr"),
        (np.float64(3), "scalar"),
        (range(3), "range"),
        ({1, 2}, "set"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_else_is_called(value, name, protocol, capfd):
    if isinstance(value, set) and protocol == 4:
        pytest.skip("a set has an opcode of its own there")
    with pytest.raises(BadInputError, match=rf"^here is no pickle of plain values and arrays: it asks for .*{name}"):
        read_pickle(pickle.dumps({"data": value}, protocol), source="here")
    assert capfd.readouterr().out == ""


def test_an_array_of_objects_or_numbers_with_a_point_is_refused():
    for array in (np.array([1.5]), np.array(["a"]), np.array([{}], dtype=object)):
        with pytest.raises(BadInputError, match="whole numbers"):
            read_pickle(pickle.dumps(array, 2), source="x")


def test_an_array_is_as_large_as_its_bytes():
    whole = python2_pickle({"data": ARRAY})
    shape = b"K\x02K\x03\x86"
    assert shape in whole
    for wrong in (b"K\x02K\x04\x86", b"J" + struct.pack("<i", -2) + b"J" + struct.pack("<i", -3) + b"\x86"):
        with pytest.raises(BadInputError, match="expected 6 bytes in an array"):
            read_pickle(whole.replace(shape, wrong), source="x")


def test_an_array_that_was_never_filled_is_refused():
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    with pytest.raises(BadInputError, match="without contents"):
        read_pickle(b"\x80\x02}U\x04data" + made + b"s.", source="x")


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02]r\xff\xff\xff\x7f.",  # a place in the memo that would take 16 GiB
        b"\x80\x02)" + b"\x85" * 100_000 + b"}.",  # tuples in tuples: a hash of them would end the process
        b"\x80\x04\x8e" + b"\xff" * 8 + b".",  # 2**64 bytes
        b"\x80\x02cnumpy\ndtype\n}b.",  # state set on what may be called
        b"",
        b"no pickle",
    ],
    ids=["memo", "depth", "length", "state", "empty", "text"],
)
def test_what_would_eat_memory_or_make_no_sense_is_refused(data):
    with pytest.raises(BadInputError, match=r"^x is no pickle of plain values and arrays"):
        read_pickle(data, source="x")


def test_any_cut_or_changed_byte_gives_an_error_or_data_but_nothing_else():
    whole = python2_pickle({"data": ARRAY, "labels": [1, 2]})
    random = np.random.default_rng(0)
    for _ in range(2000):
        broken = bytearray(whole[: random.integers(1, len(whole) + 1)])
        for place in random.integers(0, len(broken), random.integers(1, 4)):
            broken[place] = random.integers(256)
        try:
            read_pickle(bytes(broken), source="x")
        except BadInputError as error:
            assert str(error).startswith("x is no pickle")  # noqa: PT017  (most are refused, some still make sense)
