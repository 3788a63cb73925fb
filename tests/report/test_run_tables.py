import pytest

from compress.edropout.guided import GuidedSettings
from compress.report.run_tables import history_table, machine_words, search_words, stage_name, time_table
from compress.runs import STAGES
from tests.report.sample import full_report, report, run_facts


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"converged_at": 2}, "converged in epoch 2"),
        ({"converged_at": None}, "states frozen after 80 % of the search, as planned"),
        ({"converged_at": None, "preset": "paper"}, "not converged"),
    ],
)
def test_how_the_search_ended(changes, words):
    search = run_facts().search.model_copy(update=changes)
    said = search_words(search)
    assert said == f"Search: preset {search.preset}, 8 states, 255 iterations, {words}, 1 min 01 s."


def test_the_plan_is_the_default_presets():
    assert GuidedSettings().frozen == 0.8


def test_every_stage_has_a_name():
    assert all(not stage_name(stage)[0].isdigit() and "_" not in stage_name(stage) for stage in STAGES)
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
    assert machine_words(report(environment=environment, session={})) == (
        "the processor of the measurement; onnxruntime of a version not stated"
    )
