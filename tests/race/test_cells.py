"""Which cells a race has, in which order, with which settings."""

from pathlib import Path

import pytest
from torch import nn

from compress.errors import UsageError
from compress.networks.own_code import wrap_code
from compress.race.cells import Cell, RaceSettings
from compress.settings.config import RunConfig, build
from compress.settings.methods import METHODS

BASE = RunConfig(arch="squeezenet", method="taylor", keep_macs=0.9, seed=5, batch_size=16)


def race(**changes):
    values = {"base": BASE, "methods": ("l1", "edropout"), "budgets": (0.5, 0.125), "seeds": (0, 7)}
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
    config = race().config(Cell("l1", 0.125, 7), folder=Path("races/one"))
    same = RunConfig(arch="squeezenet", method="l1", keep_macs=0.125, seed=7, batch_size=16, train_original=True)
    assert config == same
    assert RunConfig(**config.model_dump()) == config  # valid, though it was put together


@pytest.mark.parametrize(("others", "leader"), [(("l1", "edropout"), "edropout"), (("taylor", "l1"), "taylor")])
def test_scratch_trains_the_shape_of_the_same_budget_and_seed(tmp_path, others, leader):
    settings = race(methods=("scratch", *others))
    assert settings.leader == leader
    config = settings.config(Cell("scratch", 0.5, 7), folder=tmp_path)
    assert config.plan == tmp_path / f"cells/{leader}-50-seed7/04_remove/plan.json"
    assert RunConfig(**config.model_dump()) == config


def test_given_weights_are_trained_on_unless_declined(tmp_path):
    for asked, trained in ((None, True), (False, False)):
        base = BASE.model_copy(update={"weights": tmp_path / "w.safetensors", "train_original": asked})
        assert race(base=base).config(Cell("l1", 0.5, 0), folder=tmp_path).train_original is trained


def test_a_network_of_ones_own_races_with_its_code(tmp_path):
    code = wrap_code(lambda classes: nn.Linear(4, classes))
    base = RunConfig(model="nets/tiny.py:build").with_code(code)
    config = race(base=base).config(Cell("l1", 0.5, 0), folder=tmp_path)
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
        ({"budgets": (0.5, 1.0)}, "--keep-macs: expected fractions between 0 and 1, such as 0.5,0.25, got 1.0"),
        ({"budgets": (float("nan"),)}, "--keep-macs: expected fractions between 0 and 1, such as 0.5,0.25, got nan"),
        (
            {"budgets": (0.5, 0.50000000001)},
            r"--keep-macs: expected at least one, all different \(budgets in their first six digits\), got 0.5",
        ),
        ({"seeds": (0, -1)}, "--seeds: expected a number of seeds, or seeds from 0 to 2147483647 such as 3,7, got -1"),
        ({"base": RunConfig(arch="squeezenet", preset="paper")}, "drop preset 'paper'"),
        ({"base": RunConfig(arch="squeezenet", keep_params=0.5)}, "drop keep_params"),
    ],
)
def test_no_race(changes, message):
    with pytest.raises(UsageError, match=message):
        race(**changes)
