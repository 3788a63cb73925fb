"""Which cells a race has, in which order, with which settings."""

from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from compress.errors import UsageError
from compress.networks.own_code import wrap_code
from compress.race.cells import Cell, RaceSettings
from compress.report.race.budget import CellBudget
from compress.settings.config import RunConfig, build
from compress.settings.methods import METHODS

HALF, EIGHTH = CellBudget("keep_macs", 0.5), CellBudget("keep_macs", 0.125)
BASE = RunConfig(arch="squeezenet", method="taylor", keep_macs=0.9, seed=5, batch_size=16)


def race(**changes):
    values = {"base": BASE, "methods": ("l1", "edropout"), "keep_macs": (0.5, 0.125), "seeds": (0, 7)}
    return build(RaceSettings, values | changes)


def test_seed_by_seed_budget_by_budget_and_scratch_last():
    groups = ("50-seed0", "12.5-seed0", "50-seed7", "12.5-seed7")
    assert [cell.name for cell in race(methods=("scratch", "l1", "edropout")).cells()] == [
        f"{method}-{group}" for group in groups for method in ("l1", "edropout", "scratch")
    ]


def test_a_race_that_names_no_methods_has_one_of_torch_prunings_allocations():
    methods = build(RaceSettings, {"base": BASE}).methods
    assert {"edropout", "l1", "scratch", "tp-taylor", "tp-group-norm"} <= {*methods}
    assert {*METHODS} - {*methods} == {f"{name}-uniform" for name in methods if name.startswith("tp-")}


def test_a_cell_has_the_settings_of_its_own_run():
    config = race().config(Cell("l1", EIGHTH, 7), folder=Path("races/one"))
    same = RunConfig(arch="squeezenet", method="l1", keep_macs=0.125, seed=7, batch_size=16, train_original=True)
    assert config == same
    assert RunConfig(**config.model_dump()) == config  # valid, though it was put together


@pytest.mark.parametrize(("others", "leader"), [(("l1", "edropout"), "edropout"), (("taylor", "l1"), "taylor")])
def test_scratch_trains_the_shape_of_the_same_budget_and_seed(tmp_path, others, leader):
    settings = race(methods=("scratch", *others))
    assert settings.leader == leader
    config = settings.config(Cell("scratch", HALF, 7), folder=tmp_path)
    assert config.plan == tmp_path / f"cells/{leader}-50-seed7/04_remove/plan.json"
    assert RunConfig(**config.model_dump()) == config


def test_budgets_of_macs_and_of_latency_race_together(tmp_path):
    settings = race(
        methods=("l1", "scratch"), keep_macs=(0.5,), target_speedup="1.6,2", target_latency_ms=(2.5,), seeds=(0,)
    )
    assert [cell.name for cell in settings.cells()] == [
        f"{method}-{budget}-seed0" for budget in ("50", "1.6x", "2x", "2.5ms") for method in ("l1", "scratch")
    ]
    macs, fast = (next(cell for cell in settings.cells() if cell.budget.name == name) for name in ("50", "2x"))
    assert fast.title == "l1, 2x the speed, seed 0"
    of_macs, of_speed = (settings.config(cell, folder=tmp_path) for cell in (macs, fast))
    assert (of_macs.keep_macs, of_macs.target_speedup, of_macs.target_latency_ms) == (0.5, None, None)
    assert (of_speed.keep_macs, of_speed.target_speedup, of_speed.target_latency_ms) == (None, 2.0, None)
    assert RunConfig(**of_speed.model_dump()) == of_speed
    plan = settings.config(replace(fast, method="scratch"), folder=tmp_path).plan
    assert plan == tmp_path / "cells/l1-2x-seed0/04_remove/plan.json"


@pytest.mark.parametrize(
    ("base", "budgets"),
    [({}, [HALF]), ({"keep_macs": 0.125}, [EIGHTH]), ({"target_speedup": 2.0}, [CellBudget("target_speedup", 2.0)])],
)
def test_without_a_budget_that_of_the_settings_file_counts(base, budgets):
    assert list(build(RaceSettings, {"base": RunConfig(arch="squeezenet", **base)}).budgets) == budgets


def test_given_weights_are_trained_on_unless_declined(tmp_path):
    for asked, trained in ((None, True), (False, False)):
        base = BASE.model_copy(update={"weights": tmp_path / "w.safetensors", "train_original": asked})
        assert race(base=base).config(Cell("l1", HALF, 0), folder=tmp_path).train_original is trained


def test_a_network_of_ones_own_races_with_its_code(tmp_path):
    code = wrap_code(lambda classes: nn.Linear(4, classes))
    base = RunConfig(model="nets/tiny.py:build").with_code(code)
    config = race(base=base).config(Cell("l1", HALF, 0), folder=tmp_path)
    assert (config.code, config.arch) == (code, "tiny.build")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ()}, "--methods: expected at least one, all different"),
        (
            {"methods": ("l1", "l1")},
            r"--methods: expected at least one, all different \(budgets in their first six digits\), got l1, l1",
        ),
        ({"methods": ("scratch",)}, "scratch trains the shape that another method found"),
        ({"keep_macs": (0.5, 1.0)}, "--keep-macs: expected fractions between 0 and 1, such as 0.5,0.25, got 1.0"),
        ({"keep_macs": (float("nan"),)}, "--keep-macs: expected fractions between 0 and 1, such as 0.5,0.25, got nan"),
        (
            {"keep_macs": (0.5, 0.50000000001)},
            r"--keep-macs: expected at least one, all different \(budgets in their first six digits\), got 0.5",
        ),
        ({"seeds": (0, -1)}, "--seeds: expected a number of seeds, or seeds from 0 to 2147483647 such as 3,7, got -1"),
        ({"base": RunConfig(arch="squeezenet", preset="paper")}, "drop preset 'paper'"),
        ({"base": RunConfig(arch="squeezenet", keep_params=0.5)}, "drop keep_params"),
        ({"target_speedup": (1.0,)}, "--target-speedup: expected numbers above 1, such as 1.5,2, got 1.0"),
        ({"target_latency_ms": (2.0, 2.0)}, "--target-latency-ms: expected at least one, all different"),
        (
            {"base": RunConfig(arch="squeezenet", target_speedup=2.0, target_threads=2)},
            "of batch 1 on 1 thread: drop target_threads",
        ),
    ],
)
def test_no_race(changes, message):
    with pytest.raises(UsageError, match=message):
        race(**changes)
