import pytest

from compress.report.outcomes import drop_outcome, size_outcome, timing_outcome
from compress.report.results import AccuracyDrop
from tests.report.parts import latency


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [(1000, 995, "same"), (1000, 1005, "same"), (1000, 994, "gained"), (1000, 1006, "lost"), (0, 0, "same"),
     (0, 1, "lost")],
)  # fmt: skip
def test_sizes(before, after, outcome):
    assert size_outcome(before, after) == outcome


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.1, 2, "lost"), (-2, -0.1, "gained"), (-1, 1, "same"), (0, 1, "same"), (-1, 0, "same"), (0, 0, "same")],
)
def test_only_an_interval_without_zero_is_a_change(low, high, outcome):
    assert drop_outcome(AccuracyDrop(1.0, low, high, 0, 0, 10)) == outcome


@pytest.mark.parametrize(
    ("low", "high", "outcome"), [(1.02, 1.1, "gained"), (0.9, 0.98, "lost"), (1.005, 1.1, "same"), (0.9, 0.995, "same")]
)
def test_a_percent_of_time_is_no_difference(low, high, outcome):
    assert timing_outcome(latency(1, 1, low, (low + high) / 2, high)) == outcome
