"""Files in published formats are read as data: right files give their content, all others a message."""

import gzip
import pickle
import struct

import numpy as np
import pytest
from scipy.io import savemat

from compress.data.formats import read_idx, read_json, read_mat, read_pickle
from compress.errors import BadInputError
from tests.data.files import idx_bytes
from tests.helpers.datasets import python2_pickle

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
IDX = idx_bytes(PIXELS)


@pytest.mark.parametrize("data", [IDX, gzip.compress(IDX)], ids=["plain", "gzip"])
def test_an_idx_file_is_decoded_whatever_its_suffix(tmp_path, data):
    for name in ("x", "x.gz"):
        (tmp_path / name).write_bytes(data)
        assert (read_idx(tmp_path / name, axes=3) == PIXELS).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an IDX file of unsigned bytes with 3 axes"),
        (idx_bytes(np.zeros((2, 3))), "with 3 axes"),
        (b"\0\0\x0d\x03" + bytes(12), "of unsigned bytes"),
        (IDX[:-1], r"expected 24 bytes of \(2, 3, 4\) in .*, got 23"),
        (IDX + b"x", "got more"),
        (gzip.compress(IDX + bytes(10**7)), "got more"),
        *((gzip.compress(IDX)[:size], "of unsigned bytes with 3 axes: ") for size in (3, 12, 30)),
        (b"\0\0\x08\x03" + b"\xff" * 12, "expected at most 67,110,464 bytes"),
    ],
    ids=["empty", "axes", "type", "short", "long", "long gzip", "no header", "header", "cut gzip", "huge"],
)
def test_a_damaged_idx_file_is_named(tmp_path, data, message):
    (tmp_path / "x.gz").write_bytes(data)
    with pytest.raises(BadInputError, match=message) as error:
        read_idx(tmp_path / "x.gz", axes=3)
    assert "x.gz" in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    for read in (lambda path: read_idx(path, axes=1), read_pickle, lambda path: read_mat(path, ["a"]), read_json):
        with pytest.raises(BadInputError, match=r"cannot read .*none: No such file"):
            read(tmp_path / "none")


VALUES = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3)
BATCH = {"labels": [1, 0, 300], "data": VALUES, "filenames": ["a.png"], "batch_label": "one of 1"}


def unpickled(folder, data: bytes):
    (folder / "x").write_bytes(data)
    return read_pickle(folder / "x")


@pytest.mark.parametrize("protocol", [None, 0, 2, 4, 5], ids=["Python 2"] + [f"Python 3, {n}" for n in (0, 2, 4, 5)])
def test_a_batch_is_what_pickle_itself_gives(tmp_path, protocol):
    data = python2_pickle(BATCH) if protocol is None else pickle.dumps(BATCH, protocol)
    expected = pickle.loads(data, encoding="latin1")
    found = unpickled(tmp_path, data)
    assert found.keys() == expected.keys()
    assert found["labels"] == expected["labels"] == [1, 0, 300]
    assert found["filenames"] == ["a.png"]
    assert found["data"].dtype == expected["data"].dtype == np.uint8
    assert (found["data"] == expected["data"]).all()


@pytest.mark.parametrize("kind", ["<i8", ">i4", "|b1", "<u2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [2, 5])
def test_whole_numbers_of_any_width_and_order(tmp_path, kind, order, protocol):
    array = np.asarray(np.arange(6).reshape(2, 3) % 2, kind, order=order)
    found = unpickled(tmp_path, pickle.dumps({"data": array}, protocol))["data"]
    assert (found.dtype.kind, found.dtype.itemsize) == (array.dtype.kind, array.dtype.itemsize)
    assert (found == array).all()


class Evil:
    def __init__(self, call, *arguments, state=None):
        self.parts = (call, arguments, state)

    def __reduce__(self):
        return self.parts


EVIL = {"eval": Evil(eval, "open('/tmp/no', 'w')"), "print": Evil(print, "hello"), "getattr": Evil(getattr, "x", "y")}
OTHERS = {"scalar": np.float64(3), "range": range(3), "bytearray": bytearray(3)}


@pytest.mark.parametrize("name", [*EVIL, *OTHERS])
@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_else_is_called(tmp_path, name, protocol, capfd):
    with pytest.raises(BadInputError, match=rf"x is not a pickle of plain values and arrays: it asks for .*{name}"):
        unpickled(tmp_path, pickle.dumps({"data": (EVIL | OTHERS)[name]}, protocol))
    assert capfd.readouterr().out == ""


def test_an_array_of_anything_but_whole_numbers_and_what_is_no_dict_is_refused(tmp_path):
    for array in (np.array([1.5]), np.array(["a"]), np.array([{}], dtype=object)):
        with pytest.raises(BadInputError, match="whole numbers"):
            unpickled(tmp_path, pickle.dumps({"data": array}, 2))
    with pytest.raises(BadInputError, match="expected a dict, got list"):
        unpickled(tmp_path, pickle.dumps([1], 2))


@pytest.mark.parametrize("kind", ["O8", "u1", "V8"])
def test_states_that_numpy_would_trust_are_refused(tmp_path, kind):
    """Numpy believes the flags of a type and the contents of an array: these would end the process."""
    empty = (np._core.multiarray._reconstruct, np.ndarray, (0,), b"b")
    size = (8, 1) if kind == "V8" else (-1, -1)
    flagged = Evil(np.dtype, kind, False, True, state=(3, "|", None, None, None, *size, 63))
    with pytest.raises(BadInputError, match="x is not a pickle"):
        unpickled(tmp_path, pickle.dumps({"data": Evil(*empty, state=(1, (100_000,), flagged, False, []))}, 2))
    with pytest.raises(BadInputError, match="an array without contents"):
        unpickled(tmp_path, pickle.dumps({"data": Evil(*empty)}, 2))


def test_an_array_is_as_large_as_its_bytes(tmp_path):
    whole = python2_pickle({"data": VALUES})
    shape = b"K\x02K\x03\x86"
    assert shape in whole
    for wrong in (b"K\x02K\x04\x86", b"J" + struct.pack("<i", -2) + b"J" + struct.pack("<i", -3) + b"\x86"):
        with pytest.raises(BadInputError, match="x is not a pickle"):
            unpickled(tmp_path, whole.replace(shape, wrong))


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
def test_what_would_eat_memory_or_make_no_sense_is_refused(tmp_path, data):
    with pytest.raises(BadInputError, match="x is not a pickle of plain values and arrays"):
        unpickled(tmp_path, data)


def test_any_cut_or_changed_byte_gives_an_error_or_data_but_nothing_else(tmp_path):
    whole = python2_pickle({"data": VALUES, "labels": [1, 2]})
    random = np.random.default_rng(0)
    for _ in range(2000):
        broken = bytearray(whole[: random.integers(1, len(whole) + 1)])
        for place in random.integers(0, len(broken), random.integers(1, 4)):
            broken[place] = random.integers(256)
        try:
            unpickled(tmp_path, bytes(broken))
        except BadInputError as error:
            assert "x is not a pickle" in str(error)  # noqa: PT017  (most are refused, some still make sense)


def test_a_mat_file_that_is_damaged_large_or_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "x.mat"
    savemat(path, {"labels": np.arange(500)}, do_compression=True)
    whole = path.read_bytes()
    assert read_mat(path, ["labels"])["labels"].tolist() == list(range(500))
    changed = whole[:150] + b"\xff" * 40 + whole[190:]
    for data in (b"", b"no", whole[:100], whole[:200], changed, b"\x89HDF\r\n\x1a\n" * 40):
        path.write_bytes(data)
        with pytest.raises(BadInputError, match=r"x\.mat"):
            read_mat(path, ["labels"])
    path.write_bytes(whole + bytes(2**20))
    with pytest.raises(BadInputError, match=r"x\.mat: expected at most 1,048,576 bytes, got"):
        read_mat(path, ["labels"])


def test_one_number_in_a_mat_file_is_a_row_too(tmp_path):
    savemat(tmp_path / "x.mat", {"a": 7.0})
    assert read_mat(tmp_path / "x.mat", ["a"])["a"].tolist() == [7]
    with pytest.raises(BadInputError, match=r"expected a, b in .*x\.mat, got no b"):
        read_mat(tmp_path / "x.mat", ["a", "b"])


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\xff"])
def test_what_is_not_json_is_refused(tmp_path, text):
    (tmp_path / "x").write_bytes(text.encode("latin1"))
    with pytest.raises(BadInputError, match="x is not JSON"):
        read_json(tmp_path / "x")
