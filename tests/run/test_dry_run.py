import pytest

from compress.run.dry_run import _not_pruned, schedule_words
from compress.runs.decide import decide
from compress.settings.config import RunConfig

ASIDE = "; before the push {} of search in the original"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"search": {"push": False}}, "22: whole network 1 to 5, search 6 to 8, small network 9 to 22"),
        ({"method": "l1"}, "22: whole network 1 to 6, small network 7 to 22"),
        ({"method": "scratch", "plan": "plan.json"}, "22: small network 1 to 22"),
        ({}, f"22: whole network 1 to 5, push 6 to 8, small network 9 to 22{ASIDE.format('1 epoch')}"),
        ({"weights": "w.pt"}, f"14: push 1 to 5, small network 6 to 14{ASIDE.format('2 epochs')}"),
        (
            {"epochs": 3, "search_start": 1, "search_end": 3},
            f"3: whole network 1, push 2 to 3{ASIDE.format('1 epoch')}",
        ),
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
