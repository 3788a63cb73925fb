"""What a budget comes to, on networks small enough to count all their shapes by hand."""

import re

import pytest
import torch
from torch import nn

from compress.channels.budget import Budget, Prunable
from compress.channels.costs import build_cost_model
from compress.channels.counts import allowed_counts
from compress.channels.units import find_units
from compress.verdict.budget_reached import budget_note, finer_counts_note, reached_by_random_state


def two_layers(budget: Budget, *, align: int = 16, width: int = 32) -> Prunable:
    """1 -> width -> width channels, 3 x 3, without padding, on 28 x 28 pixels, 10 classes."""
    network = nn.Sequential(
        nn.Conv2d(1, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10),
    )  # fmt: skip
    images = torch.zeros(1, 1, 28, 28)
    units = find_units(network, images)
    return Prunable(units, build_cost_model(network, units, images), allowed_counts(units, align), budget)


def macs(first: int, second: int) -> int:
    """By hand: 26 x 26 pixels, then 24 x 24, then the class head."""
    return 676 * 9 * first + 576 * 9 * first * second + 10 * second


FULL = macs(32, 32)


def test_a_budget_missed_by_a_hair_names_the_next_share():
    """Half is a hair below 16 and 32 channels: what fits is 16 and 16, a quarter. Following the note's advice works."""
    assert macs(16, 32) / FULL == pytest.approx(0.50003, abs=1e-5)
    found = reached_by_random_state(two_layers(Budget(macs=0.5)), align=16, seed=0)
    assert found.macs == pytest.approx(macs(16, 16) / FULL)
    assert found.note.startswith(
        "25.9 % of the MACs kept where 50.0 % was asked: counts go in steps of 16 and no further step fits; "
        "there is 50.01 % (--keep-macs 0.501), or "
    )
    (share,) = re.findall(r"--keep-macs (0\.\d+)", found.note)
    again = reached_by_random_state(two_layers(Budget(macs=float(share))), align=16, seed=0)
    assert again.macs == pytest.approx(macs(16, 32) / FULL)
    assert again.note == ""
    ((percent, align),) = re.findall(r"([\d.]+) % \(--align (\d+)\)", found.note)
    finer = reached_by_random_state(two_layers(Budget(macs=0.5), align=int(align)), align=int(align), seed=0)
    assert 100 * finer.macs == pytest.approx(float(percent), abs=0.05)
    assert 0.49 <= finer.macs <= 0.5
    assert finer.note == ""


def test_no_note_near_the_budget_or_without_one():
    assert budget_note(two_layers(Budget(macs=0.51)), torch.tensor([16, 32]), align=16, seed=0) == ""
    found = reached_by_random_state(two_layers(Budget()), align=16, seed=0)
    assert (found.macs, found.parameters, found.note) == (1, 1, "")


def test_the_whole_network_is_no_advice():
    """Above 32 and 16 channels there is only the whole network, and no share below 1 that asks for it."""
    note = budget_note(two_layers(Budget(macs=0.9)), torch.tensor([32, 16]), align=16, seed=0)
    assert note.endswith("no further step fits")


def test_with_two_budgets_the_binding_one_is_named():
    """Parameters allow less than MACs do; a shape over both budgets is not called the next."""
    note = reached_by_random_state(two_layers(Budget(macs=0.9, parameters=0.5)), align=16, seed=0).note
    assert " of the parameters kept where 50.0 % was asked" in note
    assert ("--keep-params" in note, "--keep-macs" in note) == (True, False)


def test_of_too_many_shapes_those_with_one_block_more_are_looked_at(monkeypatch):
    monkeypatch.setattr("compress.channels.counts.MOST_SHAPES", 3)
    note = budget_note(two_layers(Budget(macs=0.5)), torch.tensor([16, 16]), align=16, seed=0)
    assert "there is 50.01 % (--keep-macs 0.501)" in note


def test_smaller_steps_are_said_with_the_groups_that_have_them():
    assert finer_counts_note({}, align=16) == ()
    found = {"stem": 4, **{f"blocks.{i}": 8 for i in range(6)}}
    assert finer_counts_note(found, align=16) == (
        "the budget is out of reach in multiples of 16: counts go in steps of 4 in stem; "
        "of 8 in blocks.0, blocks.1, blocks.2, blocks.3 and 2 more",
    )
