import pytest

from compress.run.dry_run import _not_pruned, schedule_words
from compress.runs.decide import decide
from compress.settings.config import RunConfig


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "22: whole network 1 to 5, search 6 to 8, small network 9 to 22"),
        ({"method": "l1"}, "22: whole network 1 to 6, small network 7 to 22"),
        ({"method": "scratch", "plan": "plan.json"}, "22: small network 1 to 22"),
        ({"weights": "w.pt"}, "14: search 1 to 5, small network 6 to 14"),
        ({"epochs": 3, "search_start": 1, "search_end": 3}, "3: whole network 1, search 2 to 3"),
    ],
)
def test_the_schedule_is_one_line(settings, words):
    assert schedule_words(decide(RunConfig(arch="squeezenet", **settings))) == words


def test_layers_of_one_reason_are_one_line_whatever_layer_it_names():
    reasons = {f"blocks.{i}.attention.out": f"its tensors are in blocks.{i}.attention" for i in (0, 1)}
    assert _not_pruned(reasons | {"head": "it feeds the output", "gate.up": "sums with body.last, of fixed width"}) == [
        "not pruned blocks.0.attention.out, blocks.1.attention.out: its tensors are in ...",
        "not pruned head: it feeds the output",
        "not pruned gate.up: sums with body.last, of fixed width",  # alone, it keeps its name
    ]
