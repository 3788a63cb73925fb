import pytest

from compress.edropout import guided
from compress.report.fact_tables import machine_words
from compress.report.run_tables import choice_words, history_table, search_words, stage_name, time_table
from compress.runs import STAGES
from tests.report.sample import full_report, report, run_facts


def searched(changes: dict, **config: str):
    run = run_facts()
    return run.model_copy(update={"search": run.search.model_copy(update=changes), "config": run.config | config})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"converged_at": 2}, "converged in epoch 2"),
        ({"converged_at": None}, "states frozen after 80 % of the search, as planned"),
        ({"converged_at": None, "preset": "paper"}, "not converged"),
    ],
)
def test_how_the_search_ended(changes, words):
    run = searched(changes)
    assert (
        search_words(run)
        == f"Search: edropout, preset {run.search.preset}, 8 states, 255 iterations, {words}, 1 min 01 s."
    )


def test_a_method_says_what_it_compares():
    run = searched({"converged_at": None}, method="anneal")
    assert search_words(run).startswith("Search: anneal, preset default, one state and 15 moves from it, 255 it")
    alone = searched({}, method="saliency")
    assert choice_words(alone) == "searched by method saliency (preset default, 2 epochs, 255 iterations)"


def test_a_choice_at_once_has_no_course():
    run = searched({"converged_at": None, "history": ()}, method="l1")
    assert search_words(run) == (
        "Search: l1, the same share of every layer, filters of large l1 norm stay. Chosen at once, in 1 min 01 s."
    )
    assert choice_words(run) == "channels chosen at once by method l1"


def test_a_run_of_before_there_was_a_choice_was_edropouts():
    assert run_facts(config={"arch": "alexnet"}).method == "edropout"
    assert run_facts(config={"method": "thinet"}).method == "thinet"
    assert run_facts(config={"method": "no such thing"}).method == "edropout"


def test_the_plan_is_the_default_presets():
    assert guided.FROZEN == 0.8


def test_every_stage_has_a_name():
    assert all(not stage_name(stage)[0].isdigit() and "_" not in stage_name(stage) for stage in STAGES)
    assert stage_name("02_original") == "control: the original trained on"
    assert stage_name("09_dance") == "dance"
    assert stage_name("dance") == "dance"
    assert [row[0] for row in time_table(report()).rows] == ["baseline training", "search", "total"]


def test_histories_have_names_to_read():
    assert history_table(full_report()).columns == (
        "epoch", "training loss", "training Top-1", "validation loss", "validation Top-1", "units kept",
        "energy, best state", "energy, mean",
    )  # fmt: skip
    assert history_table(report()).columns == ("epoch", "energy", "spread")


@pytest.mark.parametrize("environment", [{}, {"cpu": None, "packages": []}, {"cpu": {"isa": [], "cores": "two"}}])
def test_a_machine_that_is_not_stated(environment):
    assert machine_words(environment, {}) == ("the processor of the measurement; onnxruntime of a version not stated")
