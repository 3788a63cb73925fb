import pytest

from compress.edropout import guided
from compress.report.fact_tables import machine_words
from compress.report.run_tables import choice_words, history_table, search_words, stage_name, time_table
from compress.runs import STAGES
from tests.report.sample import changed, full_report, report, run_facts

AT_ONCE = "the same share of every layer, filters of large l1 norm stay. Chosen at once, in 1 min 01 s."


@pytest.mark.parametrize(
    ("method", "changes", "words"),
    [
        ("edropout", {"converged_at": 2},
         "preset default, 8 states, 255 iterations, converged in epoch 2, 1 min 01 s."),
        ("edropout", {"converged_at": None},
         "preset default, 8 states, 255 iterations, states frozen after 80 % of the search, as planned, 1 min 01 s."),
        ("edropout", {"converged_at": None, "preset": "paper"},
         "preset paper, 8 states, 255 iterations, not converged, 1 min 01 s."),
        ("anneal", {"converged_at": None}, "preset default, one state and 15 moves from it, 255 it"),
        ("l1", {"converged_at": None, "history": ()}, AT_ONCE),
    ],
    ids=["converged", "frozen", "not converged", "moves", "at once"],
)  # fmt: skip
def test_a_search_in_words(method, changes, words):
    run = run_facts(config={"method": method}, search=changed(run_facts().search, **changes))
    assert search_words(run).startswith(f"Search: {method}, {words}")
    assert guided.FROZEN == 0.8  # the plan of the default preset


def test_a_choice_in_words():
    assert choice_words(run_facts(config={"method": "saliency"})) == (
        "searched by method saliency (preset default, 2 epochs, 255 iterations)"
    )
    at_once = run_facts(config={"method": "l1"}, search=changed(run_facts().search, history=()))
    assert choice_words(at_once) == "channels chosen at once by method l1"


def test_a_run_of_before_there_was_a_choice_was_edropouts():
    assert run_facts(config={"method": "thinet"}).method == "thinet"
    assert run_facts(config={"arch": "alexnet"}).method == "edropout"
    assert run_facts(config={"method": "no such thing"}).method == "edropout"


def test_every_stage_has_a_name():
    assert all(not stage_name(stage)[0].isdigit() and "_" not in stage_name(stage) for stage in STAGES)
    assert stage_name("02_original") == "control: the original trained on"
    assert stage_name("09_dance") == stage_name("dance") == "dance"
    assert [row[0] for row in time_table(report()).rows] == ["baseline training", "search", "total"]


def test_histories_have_names_to_read():
    assert history_table(full_report()).columns == (
        "epoch", "training loss", "training Top-1", "validation loss", "validation Top-1", "units kept",
        "energy, best state", "energy, mean",
    )  # fmt: skip
    assert history_table(report()).columns == ("epoch", "energy", "spread")


@pytest.mark.parametrize("environment", [{}, {"cpu": None, "packages": []}, {"cpu": {"isa": [], "cores": "two"}}])
def test_a_machine_that_is_not_stated(environment):
    assert machine_words(environment, {}) == "the processor of the measurement; onnxruntime of a version not stated"
