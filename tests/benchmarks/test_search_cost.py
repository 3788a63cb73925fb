"""The benchmark's parts by hand-worked values, and one round of it on small images."""

import os
from itertools import islice

import pytest
import torch

from benchmarks import search_steps
from benchmarks.search_cost import Cell, Worker, summary, take_turns
from benchmarks.search_cost_table import table
from benchmarks.search_populations import NaivePopulation, Watched
from benchmarks.search_steps import (
    generations,
    load_case,
    naive_search,
    naive_steps,
    our_steps,
    plain_steps,
    shares,
    states_judged,
)


def test_shares_are_those_of_whole_periods():
    assert shares([16, 0, 0, 16, 0, 0, 16, 0]) == {16: 1 / 3, 0: 2 / 3}  # the last period is not whole
    assert shares([0, 16, 0, 16, 16]) == {16: 2 / 3, 0: 1 / 3}
    assert shares([2, 2, 2]) == {2: 1.0}


def test_cells_take_turns_until_their_share_of_the_time_is_spent():
    order = []

    def taking(name: str, seconds: float):
        return lambda: order.append(name) or seconds

    cells = [Cell("plain", 1), Cell("naive", 8), Cell("ours", 8)]
    take_turns(cells, [taking("p", 1.0), taking("n", 5.0), taking("o", 2.0)], seconds=12.0, rounds=9)
    assert "".join(order) == "pnopo"  # 4 seconds for each: one step of 5, two of 2
    assert [cell.seconds for cell in cells] == [{0: 1.0, 1: 1.0}, {0: 5.0}, {0: 2.0, 1: 2.0}]
    few = [Cell("plain", 1), Cell("ours", 8)]
    take_turns(few, [taking("p", 1.0), taking("o", 0.1)], seconds=100.0, rounds=3)
    assert [len(cell.seconds) for cell in few] == [3, 3]


def test_a_ratio_is_the_median_of_ratios_within_rounds():
    plain = Cell("plain", 1, {0: 1.0, 1: 2.0, 2: 4.0})
    row = summary(Cell("ours", 8, {0: 2.0, 1: 2.0, 2: 6.0}, peak_mib=300.0), plain)
    assert (row["ratio"], row["ratio_range"]) == (1.5, [1.0, 2.0])  # of 2, 1 and 1.5
    assert (row["milliseconds"], row["images_per_second"], row["rounds"]) == (2000.0, 32.0, 3)
    assert summary(Cell("naive", 32, {1: 9.0}), plain)["ratio"] == 4.5


def test_the_naive_population_judges_every_state_by_itself():
    judged = []

    def energy_of(states_PU):
        judged.append(states_PU)
        return states_PU.float().mean(1)

    state_U, energies = NaivePopulation(20, population=5).evolve(energy_of, progress=0.5)
    assert [tuple(states.shape) for states in judged] == [(1, 20)] * 5
    assert len({tuple(states[0].tolist()) for states in judged}) == 5
    assert energies.best == float(state_U.float().mean()) == min(float(s.float().mean()) for s in judged)


def test_a_naive_step_is_a_forward_pass_of_the_whole_mini_batch_for_every_state_and_one_of_training():
    case = load_case("resnet20", channels=1, image_size=16)
    network, passes = case.network(), []
    search = naive_search(case, network, case.prunable(network), population=3)
    network.register_forward_pre_hook(lambda module, inputs: passes.append((len(inputs[0]), module.training)))
    search.step(case.images, case.labels)
    assert passes == [(64, False)] * 3 + [(64, True)]


def test_a_watched_population_counts_the_states_that_are_judged():
    watched = Watched(NaivePopulation(20, population=5))
    for _ in range(2):
        watched.evolve(lambda states_PU: torch.rand(len(states_PU)), progress=0.5)
        assert watched.judged == 5
        assert 0 < watched.energy_seconds < watched.evolve_seconds


def test_ours_judges_parents_and_trials_once_a_generation():
    judged = list(islice(states_judged(8), 3))
    assert judged[0] == max(judged) == 16


def test_a_worker_is_another_process_that_says_how_much_memory_it_took():
    worker = Worker(lambda: iter([os.getpid(), 2]))
    try:
        assert worker.next() != os.getpid()
        assert worker.next() == 2
        assert worker.peak_mib() > 20
        with pytest.raises(EOFError):
            worker.next()  # there is no third value
    finally:
        worker.stop()


def test_every_kind_of_step_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search_steps, "PERIODS", 2)  # a short look ahead
    case = load_case("resnet20", channels=1, image_size=16)
    for steps in (plain_steps(case), naive_steps(case, 2), our_steps(case, 4)):
        assert all(seconds > 0 for seconds in islice(steps, 2))
    point = next(generations(case, 4))
    assert (point["units"], point["groups"], point["states"]) == (400, 12, 8)
    assert point["energies"] > 0


def test_the_table():
    cell = {
        "kind": "ours", "population": 8, "rounds": 7, "milliseconds": 27.51, "images_per_second": 2326.4,
        "ratio": 1.254, "ratio_range": [1.1, 1.456], "peak_mib": 512.4,
    }  # fmt: skip
    point = {
        "network": "resnet20", "population": 8, "units": 400, "groups": 12, "states": 16, "images": 8,
        "energies_ms": 12.34, "repair_ms": 5.0,
    }  # fmt: skip
    cpu = {"model": "Some CPU", "cores": 2, "isa": ["avx2", "fma"]}
    page = table(
        {
            "date": "2026-11-28",
            "environment": {"cpu": cpu, "threads": 1, "git": "abc", "python": "3.12", "packages": {"torch": "2.13"}},
            "networks": {"squeezenet": {"image": [1, 48, 48], "cells": [cell | {"kind": "plain"}, cell]}},
            "growth": {"units": [point]},
        }
    )
    assert "## squeezenet, images of 1 x 48 x 48" in page
    assert "| plain | - | 1.25 |" in page
    assert "| ours | 8 | 1.25 | 1.10 to 1.46 | 28 | 2326 | 512 | 7 |" in page
    assert "| resnet20 | 8 | 400 | 12 | 16 | 8 | 12.3 | 5.0 |" in page
    assert "Measured on 2026-11-28 on Some CPU, 2 cores (avx2 fma), 1 thread, commit abc, Python 3.12" in page
