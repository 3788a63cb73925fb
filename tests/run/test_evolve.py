import pytest

from compress.run.dry_run import schedule_words
from compress.run.evolve import push_epochs, pushes
from compress.runs.decide import decide
from compress.settings.config import RunConfig


def decided(**values):
    return decide(RunConfig(arch="squeezenet", **values))


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ({}, 0.5, False),
        ({}, 0.25, True),
        ({"search": {"push_below": 0}}, 0.25, False),
        ({"method": "saliency"}, 0.25, True),
        ({"method": "one-cycle"}, 0.25, False),
        ({"preset": "paper"}, 0.1, False),
    ],
)
def test_small_budgets_of_guided_searches_push(values, share, expected):
    assert pushes(decided(**values), share) == expected


@pytest.mark.parametrize(
    ("values", "epochs"),
    [
        ({"keep_macs": 0.25}, (5, 8)),
        ({"keep_macs": 0.125}, (5, 8)),  # it is searched until epoch 11
        ({"keep_macs": 0.125, "weights": "w.pt"}, (0, 5)),
        ({"search_end": 6}, (5, 6)),
        ({"search_start": 10, "search_end": 15}, (10, 11)),
    ],
)
def test_a_push_has_the_epochs_of_a_usual_search(values, epochs):
    push = push_epochs(decided(**values))
    assert (push.first, push.last) == epochs


def test_the_schedule_in_words():
    assert schedule_words(decided()) == "22: whole network 1 to 5, search 6 to 8, small network 9 to 22"
    words = "22: whole network 1 to 5, search 6 to 11, push 6 to 8, small network 9 to 22"
    assert schedule_words(decided(keep_macs=0.125)) == words
