"""Where the search lies in the epochs of a run."""

import pytest

from compress.errors import UsageError
from compress.runs.decide import decide, decide_start
from compress.settings.config import RunConfig, build_config


def decided(*, weights=None, **values) -> tuple[int, int, int]:
    config = RunConfig(arch="squeezenet", weights=weights, **values)
    found = decide(config)
    return found.epochs, found.search_start, found.search_end


@pytest.mark.parametrize(
    ("values", "schedule"),
    [
        ({}, (22, 5, 8)),
        ({"weights": "w.pt"}, (14, 0, 5)),
        ({"preset": "paper"}, (200, 20, 100)),
        ({"preset": "paper", "weights": "w.pt"}, (200, 0, 100)),
        ({"preset": "paper", "epochs": 10}, (10, 1, 5)),
        ({"epochs": 1}, (1, 0, 1)),
        ({"epochs": 2}, (2, 0, 1)),
        ({"epochs": 7}, (7, 1, 2)),
        ({"search_start": 0}, (22, 0, 8)),
        ({"search_start": 15}, (22, 15, 16)),
        ({"search_end": 3}, (22, 2, 3)),
        ({"epochs": 40, "search_start": 1, "search_end": 40}, (40, 1, 40)),
        ({"keep_macs": 0.125}, (22, 5, 8)),
    ],
)
def test_what_is_open_is_decided(values, schedule):
    assert decided(**values) == schedule


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ({"search_start": 11, "search_end": 11}, "11, 11 and 22"),
        ({"search_end": 23}, "5, 23 and 22"),
        ({"epochs": 4, "search_start": 4}, "4, 5 and 4"),
    ],
)
def test_a_search_outside_the_epochs_is_refused(values, got):
    message = (
        rf"expected --search-start < --search-end <= --epochs \(the cut is made after epoch --search-end\), got {got}"
    )
    with pytest.raises(UsageError, match=message):
        build_config({"arch": "squeezenet"} | values)


def given(**values):
    return decide(RunConfig(arch="squeezenet", weights="w.pt", **values))


def test_given_weights_with_a_fresh_head_are_trained_before_the_search():
    for values, schedule in (
        ({}, (14, 3, 5)),
        ({"epochs": 2}, (2, 1, 2)),
        ({"search_start": 5}, (14, 5, 6)),
        ({"search_start": 1}, (14, 1, 5)),
        ({"search_end": 2}, (14, 1, 2)),
        ({"preset": "paper"}, (200, 20, 100)),
    ):
        found = decide_start(given(**values), fresh_head=True)
        assert (found.epochs, found.search_start, found.search_end) == schedule
    with pytest.raises(UsageError, match=r"the head starts fresh, .*: expected at least 2 --epochs, got 1"):
        decide_start(given(epochs=1), fresh_head=True)
    with pytest.raises(UsageError, match=r"the head starts fresh, .*: expected --search-end of at least 2, got 1"):
        decide_start(given(search_end=1), fresh_head=True)


def test_given_weights_that_fit_are_searched_at_once():
    assert decide_start(given(), fresh_head=False).search_start == 0
    with pytest.raises(UsageError, match="the search begins at once: expected --search-start 0, got 2"):
        decide_start(given(search_start=2), fresh_head=False)
