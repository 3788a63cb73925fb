"""The latency of states: by hand, monotone, and as a budget beside MACs and parameters."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from compress.channels.budget import Budget, Prunable, budget_flag
from compress.channels.costs import CostModel, build_cost_model
from compress.channels.counts import allowed_counts
from compress.channels.latency import LatencyModel
from compress.channels.units import find_units
from compress.errors import UsageError
from tests.helpers.networks import CLASSES

WIDTH = 32
IMAGES = torch.zeros(2, 3, 8, 8)


def two_layers() -> nn.Module:
    """Layers "0" and "2" with 32 units each, and the head "6"."""
    return nn.Sequential(
        nn.Conv2d(3, WIDTH, 1), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(WIDTH, CLASSES),
    ).eval()  # fmt: skip


# Layer "0": 0.5 ms and 0.01 ms an output, 16 at a time. Layer "2": 0.002 ms a product, inputs by 4, outputs by 8.
MODEL = LatencyModel(
    coefficients_L4=torch.tensor([[0.5, 0, 0.01, 0], [0, 0, 0, 0.002], [0.1, 0, 0, 0]], dtype=torch.float64),
    blocks_L2=torch.tensor([[1, 16], [4, 8], [1, 1]]),
    rest_G=torch.tensor([0.001, 0.0, 0.25], dtype=torch.float64),
)
WHOLE_MS = 0.5 + 0.01 * 32 + 0.002 * 32 * 32 + 0.1 + 0.001 * 32 + 0.25


def prunable(budget: Budget, *, align: int = 4, latency: LatencyModel | None = MODEL) -> Prunable:
    network = two_layers()
    units = find_units(network, IMAGES)
    model = replace(build_cost_model(network, units, IMAGES), latency=latency)
    return Prunable(units, model, allowed_counts(units, align), budget)


def milliseconds(model: CostModel, *counts: int) -> float:
    return float(model.costs(torch.tensor([counts]))[0, 2])


def test_milliseconds_by_hand_are_counted_in_blocks():
    model = prunable(Budget()).model
    assert milliseconds(model, 32, 32) == pytest.approx(WHOLE_MS)
    # 17 outputs take as long as 32; layer "2" reads 17 as 20 and makes 9 as 16.
    expected = 0.5 + 0.01 * 32 + 0.002 * 20 * 16 + 0.1 + 0.017 + 0.25
    assert milliseconds(model, 17, 9) == pytest.approx(expected)
    assert model.cost(torch.tensor([17, 9])).milliseconds == pytest.approx(expected)
    assert model.by_layer(torch.tensor([17, 9]), 2) == pytest.approx({"0": 0.82, "2": 0.64, "6": 0.1, "": 0.267})


def test_macs_and_parameters_are_the_same_with_and_without_a_latency_model():
    counts = torch.randint(1, 33, (50, 2), generator=torch.Generator().manual_seed(0))
    with_model, without = prunable(Budget()).model, prunable(Budget(), latency=None).model
    assert torch.equal(with_model.costs(counts)[:, :2], without.costs(counts))
    assert without.cost(counts[0]).milliseconds is None
    assert [len(model.full_M) for model in (with_model, without)] == [3, 2]


def test_more_units_are_never_faster():
    model, counts = prunable(Budget()).model, torch.cartesian_prod(torch.arange(1, 32), torch.arange(1, 33))
    more = counts + torch.tensor([1, 0])
    assert (model.costs(more)[:, 2] >= model.costs(counts)[:, 2]).all()


@pytest.mark.parametrize("share", [0.9, 0.6, 0.45])
def test_repair_meets_a_latency_as_nearly_as_counts_allow(share: float):
    limited = prunable(Budget(latency=share))
    keys = torch.rand(20, limited.units.total, generator=torch.Generator().manual_seed(1))
    counts = limited.units.counts(limited.repair(keys))
    assert (counts % 4 == 0).all()
    used = limited.model.costs(counts)[:, 2] / (share * WHOLE_MS)
    assert (used <= 1 + 1e-12).all()
    every = torch.cartesian_prod(*[torch.arange(4, 33, 4)] * 2)
    costs = limited.model.costs(every)[:, 2] / (share * WHOLE_MS)
    assert used.min() >= min(0.98, float(costs[costs <= 1].max()))


def test_a_latency_and_a_share_of_the_parameters_limit_together():
    both = prunable(Budget(latency=0.7, parameters=0.4))
    keys = torch.rand(8, both.units.total, generator=torch.Generator().manual_seed(2))
    shares = both.model.costs(both.units.counts(both.repair(keys))) / both.model.full_M
    assert (shares[:, 1:] <= torch.tensor([0.4, 0.7])).all()


def test_a_unit_costs_its_share_of_a_block_in_milliseconds():
    whole = prunable(Budget(latency=0.5)).unit_costs(torch.ones(64, dtype=torch.bool))
    first, second = 0.01 + 0.002 * 32 + 0.001, 0.002 * 32
    assert whole.tolist() == pytest.approx([first / WHOLE_MS, second / WHOLE_MS])


def test_a_unit_that_seems_to_cost_nothing_costs_a_twentieth_of_the_mean():
    free = replace(MODEL, coefficients_L4=MODEL.coefficients_L4 * torch.tensor([[1.0], [0.0], [1.0]]))
    costs = prunable(Budget(latency=0.9), latency=free).model.unit_costs(torch.tensor([32, 32]))[:, 2]
    assert costs.tolist() == pytest.approx([0.011, 0.05 * 0.011 / 2])


def test_counts_go_in_no_finer_steps_than_sixteen_where_finer_ones_seem_fast():
    # Group "0" is the outputs of "0" (0.01 * 32 ms, blocks of 16) and the inputs of "2" (2 ms, blocks of 4).
    assert prunable(Budget(latency=0.8)).with_fast_counts().counts.step.tolist() == [16, 16]


def wide_blocks(block: int) -> LatencyModel:
    return replace(MODEL, blocks_L2=torch.full((3, 2), block))


def test_steps_divide_their_group_and_shrink_where_the_budget_asks_for_it():
    assert prunable(Budget(latency=0.8), latency=wide_blocks(64)).with_fast_counts().counts.step.tolist() == [16, 16]
    # (16, 16) units leave 421 of the 1,349 parameters, (8, 8) leave 149.
    limited = prunable(Budget(parameters=0.15), latency=wide_blocks(16))
    assert limited.with_fast_counts().counts.step.tolist() == [8, 8]


def test_a_latency_out_of_reach_names_what_can_be_had():
    smallest = milliseconds(prunable(Budget()).model, 4, 4)
    with pytest.raises(UsageError) as caught:
        prunable(Budget(latency=0.2)).check_reachable()
    message = str(caught.value)
    assert f"cannot reach {0.2 * WHOLE_MS:.3g} ms a call, 5.00x as fast as the original" in message
    assert f"the smallest network takes {smallest:.3g} ms, {WHOLE_MS / smallest:.2f}x as fast" in message
    asked = float(message.partition("--target-speedup ")[2].partition(".  ")[0].split(" ")[0].rstrip("."))
    prunable(Budget(latency=1 / asked)).check_reachable()
    assert "in 0" in message


@pytest.mark.parametrize(
    ("measure", "share", "flag"),
    [(0, 0.5001, "--keep-macs 0.51"), (1, 0.25, "--keep-params 0.25"), (2, 0.4, "--target-speedup 2.5")],
)
def test_flags_that_ask_for_at_least_a_share(measure: int, share: float, flag: str):
    assert budget_flag(measure, share) == flag


def states(model: LatencyModel | None, budget: Budget) -> Tensor:
    limited = prunable(budget, latency=model)
    return limited.repair(torch.rand(6, 64, generator=torch.Generator().manual_seed(3)))


def test_a_latency_model_without_a_latency_budget_changes_no_state():
    assert torch.equal(states(MODEL, Budget(macs=0.4)), states(None, Budget(macs=0.4)))
