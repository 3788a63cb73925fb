import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.errors import BadInputError
from compress.json_text import parse_json

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18) + 1, 10**18 - 1) | st.floats(-1e100, 1e100) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(DOCUMENTS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_json_writes_is_read_in_every_encoding_of_unicode(document, encoding):
    assert parse_json(json.dumps(document).encode(encoding), source="x") == document


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.json is not JSON: Expecting value"),
        ("{'a': 1}", "x.json is not JSON: Expecting property name"),
        ("[NaN]", "x.json is not JSON: expected finite numbers, got NaN"),
        ("[-Infinity]", "expected finite numbers, got -Infinity"),
        ("1e999", "expected finite numbers, at most 1e\\+100, got 1e999"),
        ("-1e101", "at most 1e\\+100, got -1e101"),
        ("9" * 5000, "expected whole numbers of at most 18 digits, got 999"),
        ('{"a": 1, "b": 2, "a": 3}', "expected every key once, got 'a' twice"),
        ("[" * 100_000, "x.json is not JSON that can be read: it is nested too deeply"),
        (b"\xff\xfe\xff", "x.json is not JSON: "),
        (b'"\xe9"', "x.json is not JSON: 'utf-8' codec"),
    ],
)
def test_what_has_no_one_meaning_is_refused(text, message):
    with pytest.raises(BadInputError, match=message):
        parse_json(text, source="x.json")


@given(st.binary())
def test_bytes_are_json_or_bad_input(data):
    try:
        found = parse_json(data, source="x.json")
    except BadInputError as error:
        assert str(error).startswith("x.json is not JSON")  # noqa: PT017
    else:
        assert not isinstance(found, float) or math.isfinite(found)
