"""What a race says of its terms: who was taught for how long, whose shape was trained, who missed the budget."""

import pytest

from compress.report.race.terms import terms
from tests.report.race.races import cell, race_of, result

EPOCHS = {"baseline_epochs": 8, "search_epochs": 4, "finetune_epochs": 10}
METHODS = ("edropout", "saliency", "l1", "thinet", "scratch")


def said(*cells, **config):
    values = {"arch": "squeezenet", "dataset": "fashion-sample", "distill": True} | EPOCHS | config
    return "\n".join(terms(race_of(*cells, config=values)))


def raced(*methods):
    return [cell(method, 0, result("1" * 10)) for method in methods]


def test_the_teacher_acts_in_fine_tuning_alone():
    taught = "10 of 22 for edropout, saliency; 14 of 22 for l1, thinet; 22 of 22 for scratch."
    assert f"Epochs with this teacher: {taught}" in said(*raced(*METHODS))
    given = (
        "Epochs after the given weights with this teacher: 10 of 14 for edropout; 14 of 14 for l1; 14 of 14 for scratch"
    )
    assert given in said(*raced("edropout", "l1", "scratch"), weights="mine.safetensors")
    assert "3 of 6 for edropout." in said(*raced("edropout"), baseline_epochs=2, search_epochs=1, finetune_epochs=3)


@pytest.mark.parametrize("config", [{"distill": False}, {"search_epochs": None}])
def test_no_teacher_no_word(config):
    assert "teach" not in said(*raced(*METHODS), **config)


def test_the_shape_that_scratch_trains_is_named():
    assert "scratch alone starts afresh: it trains the shape that edropout found" in said(*raced("edropout", "scratch"))
    assert "scratch" not in said(*raced("edropout", "l1"))


def test_cells_that_are_not_at_one_budget_are_named():
    reached = [0.499, 0.495, 0.494, 0.440]
    cells = [cell("l1", seed, result("1" * 10, kept=kept)) for seed, kept in enumerate(reached)]
    assert "At 50 % of the MACs cells reached 44.0 % (l1-50-seed3) to 49.9 % (l1-50-seed0): not equal work." in said(
        *cells
    )
    assert "not equal work" not in said(*cells[:3])
    assert "cells reached 48.9 % (l1-50-seed0): not" in said(cell("l1", 0, result("1" * 10, kept=0.489)))
    over = [cell("l1", 0, result("1" * 10, kept=0.505)), cell("l2", 0, result("1" * 10, kept=0.493))]
    assert "49.3 % (l2-50-seed0) to 50.5 % (l1-50-seed0)" in said(*over)  # 2.4 % from each other
