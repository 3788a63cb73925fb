"""Tables and sentences of a run and of a profile, against values worked out by hand."""

import pytest

from compress.report.latency_tables import how_profiled, layer_table, operator_table
from compress.report.run_tables import (
    choice_words,
    history_table,
    machine_words,
    search_words,
    stage_name,
    time_table,
    training_table,
)
from compress.runs import STAGES
from exporters.measure.profile import LayerTime, OperatorProfile
from tests.report.sample import changed, full_report, report, run_facts

AT_ONCE = "the same share of every layer, filters of large l1 norm stay. Chosen at once, in 1 min 01 s."


@pytest.mark.parametrize(
    ("method", "changes", "words"),
    [
        ("edropout", {"converged_at": 2},
         "preset default, 8 states, 255 iterations, converged in epoch 2, 1 min 01 s."),
        ("edropout", {"converged_at": None},
         "preset default, 8 states, 255 iterations, states frozen before the end, as planned, 1 min 01 s."),
        ("edropout", {"converged_at": None, "iterations": 10},
         "preset default, 8 states, 10 iterations, states frozen before the end, as planned, 1 min 01 s."),
        ("edropout", {"converged_at": None, "iterations": 9},
         "preset default, 8 states, 9 iterations, not converged, 1 min 01 s."),
        ("edropout", {"converged_at": None, "preset": "paper"},
         "preset paper, 8 states, 255 iterations, not converged, 1 min 01 s."),
        ("anneal", {"converged_at": None}, "preset default, one state and 15 moves from it, 255 it"),
        ("one-cycle", {"converged_at": None}, "preset default, 255 iterations, not converged, 1 min 01 s."),
        ("l1", {"converged_at": None, "history": ()}, AT_ONCE),
    ],
    ids=["converged", "frozen", "frozen last", "too short", "not converged", "moves", "one-cycle", "at once"],
)  # fmt: skip
def test_a_search_in_words(method, changes, words):
    run = run_facts(config={"method": method}, search=changed(run_facts().search, **changes))
    assert search_words(run).startswith(f"Search: {method}, {words}")


def test_a_choice_after_some_training_in_words():
    search = changed(run_facts().search, history=(), converged_at=None)
    run = run_facts(config={"method": "l1"}, search=search, training={"03_search": ({"epoch": 6.0}, {"epoch": 8.0})})
    assert search_words(run).endswith("stay. Chosen at once after epoch 8, with the training before it, in 1 min 01 s.")


def test_trainings_are_listed_with_their_epochs():
    rows = {"01_baseline": ({"epoch": 1.0, "loss": 2.0},), "02_original": ({"epoch": 2.0}, {"epoch": 3.0, "loss": 1.0})}
    table = training_table(run_facts(training=rows))
    assert table.rows == (("baseline training", "1", "2"), ("original, trained on", "2 to 3", "1"))


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
    assert stage_name("02_original") == "original, trained on"
    assert stage_name("09_dance") == stage_name("dance") == "dance"
    assert [row[0] for row in time_table(report()).rows] == ["baseline training", "search", "total"]


def test_histories_have_names_to_read():
    assert history_table(full_report().run).columns == (
        "epoch", "training loss", "training Top-1", "validation loss", "validation Top-1", "units kept",
        "energy, best state", "energy, mean",
    )  # fmt: skip
    assert history_table(report().run).columns == ("epoch", "energy", "spread")


NOT_STATED = "the processor of the measurement; onnxruntime of a version not stated"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"cpu": {"model": "Fast CPU", "cores": 2, "isa": ["avx2", "avx512_vnni"]},
          "packages": {"onnxruntime": "1.31.1"}}, "Fast CPU, 2 cores, avx2 avx512_vnni; onnxruntime 1.31.1"),
        ({}, NOT_STATED),
        ({"cpu": None, "packages": []}, NOT_STATED),
        ({"cpu": {"isa": [], "cores": "two"}}, NOT_STATED),
    ],
)  # fmt: skip
def test_a_machine_as_far_as_it_is_stated(environment, words):
    assert machine_words(environment, {}) == words


def test_times_with_shares_of_all_nodes_largest_of_the_candidate_first():
    """All nodes take 4 ms in the original, 5 in the candidate; times by operator are sums."""
    table = layer_table(full_report())
    assert table.columns == ("layer", "kind", "before", "after", "share before", "share", "MACs", "note")
    assert table.rows == (
        ("features.4", "Pad", "-", "4250", "-", "85.0 %", "-", "layout change"),
        ("features.0", "Conv", "1000", "500", "25.0 %", "10.0 %", "50.0 %", ""),
        ("features.3", "Conv", "2000", "250", "50.0 %", "5.0 %", "10.0 %", "memory-bound"),
        ("features.2", "Relu", "1000", "-", "25.0 %", "-", "-", ""),
        ("features.5", "Cast", "0", "0", "0.0 %", "0.0 %", "-", ""),
    )
    assert table.marks[1].values == (1.0, 0.5)
    assert operator_table(full_report()).rows == (
        ("Pad", "-", "4250", "-", "85.0 %", "1 layer"),
        ("Conv", "3000", "750", "75.0 %", "15.0 %", "2 layers"),
        ("Relu", "1000", "-", "25.0 %", "-", "1 layer"),
        ("Cast", "0", "0", "0.0 %", "0.0 %", "1 layer"),
    )
    assert how_profiled(full_report().operators) == (
        "µs per call in onnxruntime's profile, mean of the middle half of 60 calls, batch 1, 1 thread; "
        "profiling slows every node: compare shares."
    )


def test_no_profile_and_a_profile_without_time():
    assert layer_table(report()).rows == operator_table(report()).rows == ()
    nothing = full_report(operators=OperatorProfile(1, 1, 60, (LayerTime("a", "Cast", 0.0, 0.0, None, ""),)))
    assert layer_table(nothing).rows == (("a", "Cast", "0", "0", "-", "-", "-", ""),)
