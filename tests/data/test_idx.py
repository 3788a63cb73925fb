import gzip
import hashlib

import numpy as np
import pytest

from compress.data.idx import IdxFile, decode_idx, find_idx
from compress.errors import BadInputError
from tests.data.files import idx_bytes, write_idx

ARRAY = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
DATA = idx_bytes(ARRAY)
PIN = IdxFile("tiny", (2, 3, 4), hashlib.sha256(DATA).hexdigest())


@pytest.mark.parametrize("data", [DATA, gzip.compress(DATA)], ids=["plain", "gzip"])
def test_a_file_is_decoded(data):
    assert (decode_idx(data, PIN, source="x") == ARRAY).all()
    assert PIN.size_bytes == len(DATA)


@pytest.mark.parametrize(
    "data",
    [DATA[:-1], DATA + b"\0", DATA[:-1] + b"\xff", b"", gzip.compress(DATA + bytes(10**6))],
    ids=["short", "long", "one byte changed", "empty", "gzip that grows"],
)
def test_other_bytes_are_refused(data):
    with pytest.raises(BadInputError, match=r"here\.gz is not the file it is named after: expected 40 bytes"):
        decode_idx(data, PIN, source="here.gz")


def test_a_right_sum_with_another_shape_is_refused():
    with pytest.raises(BadInputError, match="is not the file"):
        decode_idx(DATA, IdxFile("tiny", (2, 4, 3), PIN.sha256), source="x")


@pytest.mark.parametrize("cut", [3, 12, 30])
def test_a_truncated_gzip_is_refused(cut):
    with pytest.raises(BadInputError, match=r"x\.gz is a damaged gzip file"):
        decode_idx(gzip.compress(DATA)[:cut], PIN, source="x.gz")


def test_a_file_is_found_plain_first_then_zipped(tmp_path):
    assert find_idx(tmp_path, PIN) is None
    write_idx(tmp_path, "tiny", ARRAY)
    assert find_idx(tmp_path, PIN) == tmp_path / "tiny.gz"
    write_idx(tmp_path, "tiny", ARRAY, zipped=False)
    assert find_idx(tmp_path, PIN) == tmp_path / "tiny"
