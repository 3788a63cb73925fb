import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from compress.controls.thinet import (
    choose_thinet,
    greedy_removal,
    input_factors,
    least_squares,
    removal_ranks,
    sample_grams,
)
from compress.masks import masked
from tests.controls.tasks import task_of
from tests.helpers.networks import NETWORKS


@pytest.fixture
def samples() -> torch.Tensor:
    """Contributions (N, S): 40 samples of 6 units, some alike."""
    values = torch.randn(40, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    values[:, 4] = 0.7 * values[:, 1] + 0.1 * values[:, 4]
    return values


def test_units_go_in_the_order_of_the_papers_algorithm(samples):
    removed: list[int] = []
    while len(removed) < 6:  # the error itself, of every candidate, each time anew
        errors = {unit: float(samples[:, [*removed, unit]].sum(1).square().sum()) for unit in {*range(6)} - {*removed}}
        removed.append(min(errors, key=lambda unit: errors[unit]))
    assert greedy_removal(samples.T @ samples) == removed


def test_factors_are_those_of_least_squares(samples):
    keep = torch.tensor([True, True, False, True, False, True])
    expected = torch.linalg.lstsq(samples[:, keep], samples.sum(1)).solution
    found = least_squares(samples.T @ samples, keep)
    assert found.tolist() == pytest.approx(expected.tolist(), abs=5e-3)
    wanted = samples.sum(1)
    assert (samples[:, keep] @ found - wanted).square().sum() < 0.8 * (samples[:, keep].sum(1) - wanted).square().sum()


def test_factors_stay_near_one_where_the_samples_do_not_say():
    assert least_squares(torch.zeros(4, 4, dtype=torch.float64), torch.tensor([1, 0, 1, 0]).bool()).tolist() == [1, 1]


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
    assert torch.equal(grams["3"][0][1], grams["3"][0][3])
    factors = input_factors(task.constraint.units, grams, keep)["3"]
    assert factors[1] == pytest.approx(2, abs=0.02)
    assert factors[[0, 2, 4, 5, 6, 7]].tolist() == pytest.approx([1] * 6, abs=0.02)
    assert factors[3] == 1


@pytest.mark.parametrize("name", NETWORKS)
def test_rescaling_brings_the_readers_outputs_closer(name):
    """On the images that were sampled, for every reader, whatever its kind."""
    task = task_of(name, share=0.6)
    choice = choose_thinet(task)
    units = task.constraint.units
    images = next(iter(task.train.batches(60)))[0]

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


def test_a_group_read_twice_is_judged_by_both():
    task = task_of("shared input")
    grams = sample_grams(task)
    units = task.constraint.units
    index = next(place for place, group in enumerate(units.groups) if group.root == "stem")
    readers = [name for name, of_group in grams.items() if index in of_group]
    assert readers == ["first", "second", "head"]
    shares = sum(grams[name][index] / grams[name][index].sum() for name in readers)
    group = units.groups[index]
    ranks = removal_ranks(units, grams)[group.units]
    assert ranks.argsort().tolist() == greedy_removal(shares)


def test_the_last_units_of_the_greedy_order_stay():
    task = task_of("concat", share=0.4)
    units, grams = task.constraint.units, sample_grams(task)
    ranks, keep = removal_ranks(units, grams), choose_thinet(task).keep_U
    for group in units.groups:
        dropped = int((~keep[group.units]).sum())
        assert keep[group.units].tolist() == (ranks[group.units] >= dropped).tolist()
