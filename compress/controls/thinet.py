"""ThiNet (Luo, Wu and Lin, ICCV 2017): keep the channels from which the next layer can be rebuilt.

Axes: G groups, S units of a group, C input channels of a layer, B batch, L places (pixels, tokens), N samples.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Any

import torch
from torch import Generator, Tensor, nn

from compress.controls.scores import share_keys
from compress.controls.task import Choice, Task
from compress.controls.weights import contributions, scale_inputs
from compress.data.bundle import Order
from compress.layers import widths
from compress.units import UnitMap

IMAGES, OUTPUTS, PLACES = 256, 8, 10
"""Sampled: training images, and for each mini-batch of ``BATCH`` of them a reader's output channels and places."""

BATCH = 16
WIDE = 8192
"""Places times units of a reader's largest group: fewer places where it is wide, for products grow with its square."""

RIDGE = 1e-3
"""How strongly factors are held near 1, as a share of the units' mean square: dead and twin channels need it."""

Grams = Mapping[str, Mapping[int, Tensor]]
"""Reader -> group index -> products of the units' contributions, summed over the samples: float64 (S, S)."""


def choose_thinet(task: Task) -> Choice:
    """The same share of every group, by greedy removal; the readers' weights are rescaled by least squares."""
    units = task.constraint.units
    grams = sample_grams(task)
    keys_U = share_keys(removal_ranks(units, grams), units)
    keep_U = task.constraint.repair(keys_U.unsqueeze(0), progress=1.0)[0]
    network = copy.deepcopy(task.network)
    for reader, factors_C in input_factors(units, grams, keep_U).items():
        scale_inputs(network.get_submodule(reader), factors_C)
    return Choice(keep_U, network)


def removal_ranks(units: UnitMap, grams: Grams) -> Tensor:
    """When every unit goes if its group is emptied greedily: 0 first; float U.

    A group with several readers is judged by the sum of their errors, each as a share of its output's energy.
    """
    ranks_U = torch.zeros(units.total)
    for index, group in enumerate(units.groups):
        total_SS = torch.zeros(group.size, group.size, dtype=torch.float64)
        for of_group in grams.values():
            if index in of_group:
                total_SS += of_group[index] / of_group[index].sum().clamp(min=1e-30)
        order = torch.tensor(greedy_removal(total_SS))
        ranks_U[group.first + order] = torch.arange(group.size, dtype=ranks_U.dtype)
    return ranks_U


def greedy_removal(gram_SS: Tensor) -> list[int]:
    """The order in which units go (the paper's algorithm 1): each time the one that leaves the smallest error.

    The error of removing the set T is the mean of ``(sum of the contributions of T)^2``, so that of T and u is
    ``error(T) + 2 (gram 1_T)_u + gram_uu``.
    """
    cost_S = gram_SS.diagonal().clone()
    order = []
    for _ in range(len(gram_SS)):
        unit = int(cost_S.argmin())
        order.append(unit)
        cost_S += 2 * gram_SS[unit]
        cost_S[unit] = torch.inf
    return order


def least_squares(gram_SS: Tensor, keep_S: Tensor) -> Tensor:
    """Factors of the kept units with which their contributions come closest to those of all (the paper's eq. 7).

    Args:
        gram_SS: products of contributions.
        keep_S: kept units, bool.

    Returns:
        Factors, float64, one for each kept unit.
    """
    kept = gram_SS[keep_S][:, keep_S]
    towards_one = RIDGE * kept.diagonal().mean() + 1e-30
    target = gram_SS[keep_S].sum(1) + towards_one
    return torch.linalg.solve(kept + towards_one * torch.eye(len(kept), dtype=kept.dtype), target)


def input_factors(units: UnitMap, grams: Grams, keep_U: Tensor) -> dict[str, Tensor]:
    """Reader -> a factor for every input channel, float64 C; 1 where a channel is of no unit, or goes."""
    found = {}
    for reader, of_group in grams.items():
        factors_U = torch.ones(units.total + 1, dtype=torch.float64)
        for index, gram_SS in of_group.items():
            group = units.groups[index]
            keep_S = keep_U[group.units]
            factors_U[group.first + keep_S.nonzero().flatten()] = least_squares(gram_SS, keep_S)
        found[reader] = factors_U[units.reads[reader]]
    return found


@torch.no_grad()
def sample_grams(task: Task) -> Grams:
    """Run training images through the network, and sample what units contribute to their readers' outputs."""
    network, units = task.network, task.constraint.units
    generator = Generator().manual_seed(task.seed)
    grams: dict[str, dict[int, Tensor]] = {name: dict(_empty(units, name)) for name in units.reads}
    device = next(network.parameters()).device
    training = network.training
    network.eval()
    with ExitStack() as hooks:
        hooks.callback(network.train, training)
        for name, of_group in grams.items():
            watch = _watch(units, units.reads[name], of_group, generator)
            hooks.callback(network.get_submodule(name).register_forward_pre_hook(watch).remove)
        batches = task.train.batches(BATCH, order=Order(seed=task.seed, epoch=0))
        for images, _labels in islice(batches, IMAGES // BATCH):
            network(images.to(device))
    return grams


def _empty(units: UnitMap, reader: str) -> Iterator[tuple[int, Tensor]]:
    read = units.reads[reader]
    for index in units.group_of_unit[read[read < units.total]].unique().tolist():
        size = units.groups[index].size
        yield index, torch.zeros(size, size, dtype=torch.float64)


def _watch(units: UnitMap, unit_of_channel: Tensor, of_group: dict[int, Tensor], generator: Generator) -> Any:
    columns = {}
    for index in of_group:
        place = units.groups[index].units
        channels = ((unit_of_channel >= place.start) & (unit_of_channel < place.stop)).nonzero().flatten()
        columns[index] = channels, unit_of_channel[channels] - place.start
    places = max(1, min(PLACES, WIDE // max(len(gram_SS) for gram_SS in of_group.values())))

    def hook(layer: nn.Module, inputs: Sequence[Tensor]) -> None:
        for rows_NC in _sample(layer, inputs[0], places, generator):
            for index, gram_SS in of_group.items():
                channels, unit_in_group = columns[index]
                rows_NS = rows_NC.new_zeros(len(rows_NC), len(gram_SS))
                rows_NS.index_add_(1, unit_in_group, rows_NC[:, channels])
                gram_SS.add_(rows_NS.T @ rows_NS)

    return hook


def _sample(layer: nn.Module, features: Tensor, places: int, generator: Generator) -> Iterator[Tensor]:
    """Contributions (N, C), on the CPU, of every input channel to ``OUTPUTS`` output channels at some places."""
    for channel in torch.randint(widths(layer)[1], (OUTPUTS,), generator=generator).tolist():
        added_BCL = contributions(layer, features, channel)
        drawn = torch.randint(added_BCL.shape[-1], (min(places, added_BCL.shape[-1]),), generator=generator)
        yield added_BCL[..., drawn.to(added_BCL.device)].transpose(1, 2).flatten(0, 1).cpu()
