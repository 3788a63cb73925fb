import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from compress.channels.masks import masked
from compress.controls.task import Task
from compress.controls.thinet import RIDGE, choose_thinet, input_factors, least_squares, removal_ranks, sample_grams
from tests.controls.tasks import task_of
from tests.helpers.networks import CLASSES, NETWORKS, network_of, prunable_of
from tests.helpers.splits import TensorSplit, learnable_split


def test_factors_stay_near_one_where_the_samples_do_not_say():
    assert least_squares(torch.zeros(4, 4, dtype=torch.float64), torch.tensor([1, 0, 1, 0]).bool()).tolist() == [1, 1]


@pytest.mark.parametrize("samples_seen", [1, 3, 200])
def test_dead_and_doubled_units_never_make_it_worse(samples_seen):
    values = torch.randn(samples_seen, 9, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    values[:, 2] = 0
    values[:, 3], values[:, 5], values[:, 6] = values[:, 1], 1e-6 * values[:, 1], 1e4 * values[:, 7]
    gram, wanted = values.T @ values, values.sum(1)
    for bits in range(1, 2**9):
        keep = torch.tensor([bool(bits >> unit & 1) for unit in range(9)])
        factors = least_squares(gram, keep)
        plain = (values[:, keep].sum(1) - wanted).square().sum()
        assert (values[:, keep] @ factors - wanted).square().sum() <= plain + 1e-9 * gram.diagonal().sum()


def test_of_twins_one_goes_and_the_other_takes_its_part():
    """Channels 1 and 3 are the same, and so are the weights that read them: nothing is lost without one of them."""
    task = task_of("plain")
    network = task.network
    with torch.no_grad():
        for tensor in (network[0].weight, network[0].bias, *network[1].state_dict().values()):
            if tensor.dim():
                tensor[3] = tensor[1]
        network[3].weight[:, 3] = network[3].weight[:, 1]
    grams = sample_grams(task)
    keep = torch.ones(14, dtype=torch.bool)
    keep[3] = False
    assert torch.equal(grams["3"].products_RR[1], grams["3"].products_RR[3])
    factors = input_factors(task.prunable.units, grams, keep)["3"]
    assert factors[1] == pytest.approx(2, abs=0.02)
    assert factors[[0, 2, 4, 5, 6, 7]].tolist() == pytest.approx([1] * 6, abs=0.02)
    assert factors[3] == 1


def test_a_reader_of_two_groups_is_rebuilt_from_all_that_is_kept():
    """The paper's regression over all kept inputs, by numpy on the very samples; each group alone does worse.

    Images of one colour each, and output channels that are alike: the samples are the same whatever is drawn.
    """

    def features_of(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([network.left(images).relu(), network.right(images).sigmoid()], 1)

    torch.manual_seed(0)
    network = network_of(
        lambda n, x: n.head(features_of(n, x)).mean((2, 3)),
        left=nn.Conv2d(2, 5, 1), right=nn.Conv2d(2, 7, 1), head=nn.Conv2d(12, CLASSES, 1),
    ).eval()  # fmt: skip
    images = torch.randn(32, 2, 1, 1, generator=torch.Generator().manual_seed(1)).expand(-1, -1, 12, 12).contiguous()
    task = Task(network, prunable_of(network), TensorSplit(images, torch.arange(32) % 5), 16, 0, lambda: network)
    with torch.no_grad():
        network.head.weight[1:] = network.head.weight[:1]
        values = (features_of(network, images)[:, :, 0, 0] * network.head.weight[0, :, 0, 0]).double()
    grams, gram = sample_grams(task), values.T @ values
    products = grams["head"].products_RR
    torch.testing.assert_close(products / products.sum(), gram / gram.sum(), rtol=1e-4, atol=1e-6)
    keep = torch.tensor([1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0]).bool()
    found = input_factors(task.prunable.units, grams, keep)["head"]
    wanted, kept = values.sum(1), values[:, keep]
    pull = RIDGE * kept.square().sum(0).mean()
    rows = torch.cat([kept, pull.sqrt() * torch.eye(6, dtype=torch.float64)])
    aims = torch.cat([wanted, pull.sqrt().expand(6)])
    expected = np.linalg.lstsq(rows.numpy(), aims.numpy(), rcond=None)[0]
    assert found[keep].tolist() == pytest.approx(expected.tolist(), abs=1e-3)
    assert found[~keep].tolist() == [1] * 6
    alone = torch.ones(12, dtype=torch.float64)
    for group in (slice(0, 5), slice(5, 12)):
        own = values[:, group]
        alone[group][keep[group]] = least_squares(own.T @ own, keep[group])

    def error(factors: torch.Tensor) -> float:
        return float((kept @ factors[keep] - wanted).square().sum())

    assert error(found) < 0.5 * error(alone)
    assert error(found) < 0.5 * error(torch.ones(12, dtype=torch.float64))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_units_of_the_greedy_order_stay_and_factors_bring_no_layer_further_off_on_the_samples(name):
    task = task_of(name, share=0.4)
    units, grams, chosen = task.prunable.units, sample_grams(task), choose_thinet(task).keep_U
    ranks, factors, keep = removal_ranks(units, grams), input_factors(units, grams, chosen), chosen.double()
    for group in units.groups:
        dropped = int((~chosen[group.units]).sum())
        assert chosen[group.units].tolist() == (ranks[group.units] >= dropped).tolist()
    for reader, gram in grams.items():
        first_channel = [int((units.reads[reader] == unit).nonzero()[0]) for unit in gram.units_R]
        products = gram.products_RR
        off, plain = keep[gram.units_R] * factors[reader][first_channel] - 1, keep[gram.units_R] - 1
        assert off @ products @ off <= plain @ products @ plain + 1e-6 * products.diagonal().sum()


@pytest.mark.parametrize("name", NETWORKS)
def test_rescaling_brings_the_readers_outputs_closer(name):
    """On images of which places were sampled, for every reader, whatever its kind."""
    task = replace(task_of(name, share=0.6), train=learnable_split(320))
    choice = choose_thinet(task)
    units = task.prunable.units
    images = next(iter(task.train.batches(320)))[0]

    def outputs(network: nn.Module, keep: torch.Tensor, reader: str) -> torch.Tensor:
        """What the original's features give where ``reader`` alone is pruned."""
        seen: list[torch.Tensor] = []
        only = replace(units, reads={reader: units.reads[reader]})
        changed = copy.deepcopy(task.network)
        changed.get_submodule(reader).load_state_dict(network.get_submodule(reader).state_dict())
        changed.get_submodule(reader).register_forward_hook(lambda _layer, _inputs, output: seen.append(output))
        with masked(changed, only, keep), torch.no_grad():
            changed(images)
        return torch.cat(seen)

    for reader in units.reads:
        wanted = outputs(task.network, torch.ones(units.total), reader)
        plain = outputs(task.network, choice.keep_U.float(), reader)
        scaled = outputs(choice.network, choice.keep_U.float(), reader)
        assert (scaled - wanted).square().mean() <= 1.02 * (plain - wanted).square().mean()


@pytest.mark.parametrize(
    ("name", "root", "readers"), [("shared input", "stem", ["first", "second", "head"]), ("concat", "left", ["head"])]
)
def test_units_go_in_the_order_of_the_papers_algorithm_from_all_groups_in_turn(name, root, readers):
    """Everything by its definition: errors of all readers, each as a share of its output's energy."""
    task = task_of(name)
    grams, units = sample_grams(task), task.prunable.units
    first = next(group.first for group in units.groups if group.root == root)
    assert [name for name, gram in grams.items() if first in gram.units_R] == readers
    gone = torch.zeros(units.total, dtype=torch.float64)

    def error(unit: int) -> float:
        after = gone.clone()
        after[unit] = 1
        return sum(
            float(after[gram.units_R] @ gram.products_RR @ after[gram.units_R] / gram.products_RR.sum())
            for gram in grams.values()
        )

    turns = [((rank + 0.5) / group.size, group) for group in units.groups for rank in range(group.size)]
    ranks = removal_ranks(units, grams)
    for _, group in sorted(turns, key=lambda turn: turn[0]):
        left = [unit for unit in range(group.first, group.first + group.size) if not gone[unit]]
        lowest = min(left, key=error)
        assert ranks[lowest] == group.size - len(left)
        gone[lowest] = 1
