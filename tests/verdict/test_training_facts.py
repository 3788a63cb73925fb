"""Histories of a run: numbers, and nothing that only reads as one."""

import pytest

from compress.errors import BadInputError
from compress.runs.json_files import json_value
from compress.verdict.training_facts import EpochValue


def test_values_of_an_epoch_are_finite_numbers():
    like = list[dict[str, EpochValue]]
    assert json_value(b'[{"epoch": 1, "loss": 0.5}]', like, source="x") == [{"epoch": 1, "loss": 0.5}]
    for wrong in (b'"NaN"', b'"inf"', b'"0.5"', b"null", b"true"):
        with pytest.raises(BadInputError, match=r"x is not what a run writes: 0\.loss"):
            json_value(b'[{"loss": ' + wrong + b"}]", like, source="x")
