import pytest

from compress.run.evolve import pushes, search_epochs
from compress.runs.decide import decide
from compress.settings.config import RunConfig


def decided(**values):
    return decide(RunConfig(arch="squeezenet", **values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"keep_macs": 0.1, "method": "saliency"}, True),
        ({"search": {"push": False}}, False),
        ({"method": "one-cycle"}, False),  # it pushes by itself
        ({"preset": "paper"}, False),
    ],
)
def test_a_push_follows_the_searches_of_the_default(values, expected):
    assert pushes(decided(**values)) == expected


@pytest.mark.parametrize(
    ("values", "epochs"),
    [
        ({}, (5, 6)),
        ({"keep_macs": 0.125}, (5, 7)),  # twice as long below a fifth
        ({"keep_macs": 0.125, "search": {"length": 0.8}}, (5, 8)),
        ({"search_end": 11}, (5, 7)),
        ({"search": {"length": 1.0}}, (5, 8)),
        ({"search": {"push": False}}, (5, 8)),
        ({"weights": "w.pt"}, (0, 2)),
        ({"epochs": 2}, (0, 1)),
        ({"preset": "paper"}, (20, 100)),
    ],
)
def test_a_search_before_a_push_has_a_third_of_its_epochs(values, epochs):
    search = search_epochs(decided(**values))
    assert (search.first, search.last) == epochs
