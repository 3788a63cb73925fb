"""ThiNet (Luo, Wu and Lin, ICCV 2017): keep the channels from which the next layer can be rebuilt.

Axes: U units, R units that a layer reads, C input channels of a layer, B batch, L places (pixels, tokens), N samples.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Generator, Tensor, nn

from compress.channels.units import UnitMap
from compress.controls.scores import share_keys
from compress.controls.task import Choice, Task
from compress.controls.weights import contributions, scale_inputs
from compress.data.bundle import Order
from compress.tracing.forward_pass import Watch, evaluating, watching_inputs
from compress.tracing.layers import widths
from exporters.module_copy import copy_module

IMAGES, OUTPUTS, PLACES = 1024, 4, 10
"""Samples: training images, and for each mini-batch of ``BATCH`` images output channels and places of a layer."""

BATCH = 16
WIDE = 8192
"""Largest product of places and units read: wide layers get fewer places, because products grow with the square."""

RIDGE = 1e-2
"""Ridge penalty towards factors of 1, as a share of the kept units' mean square: for dead and duplicate channels, and
small feature maps, which give few samples. Towards 1, so that the sampled error is never larger than without factors.
"""


@dataclass(frozen=True)
class Gram:
    """Units that a layer reads (int64, of any groups); products of their contributions, summed over samples."""

    units_R: Tensor
    products_RR: Tensor


Grams = Mapping[str, Gram]
"""By the reader's name."""


def choose_thinet(task: Task) -> Choice:
    """The same share of every group, by greedy removal; the readers' weights are rescaled by least squares."""
    units = task.prunable.units
    grams = sample_grams(task)
    keys_U = share_keys(removal_ranks(units, grams), units)
    keep_U = task.prunable.repair(keys_U.unsqueeze(0))[0]
    network = copy_module(task.network)
    for reader, factors_C in input_factors(units, grams, keep_U).items():
        scale_inputs(network.get_submodule(reader), factors_C)
    return Choice(keep_U, network)


def removal_ranks(units: UnitMap, grams: Grams) -> Tensor:
    """The order in which greedy removal drops the units of a group (the paper's algorithm 1): 0 first; float U.

    Groups are emptied side by side, so that all have lost the same share at any time. The next unit of a group is the
    one that leaves the smallest error, given all that has gone before, summed over readers, each one's as a share of
    its output's energy. A reader's error of removing the set T is the sum of ``(sum of the contributions of T)^2``, so
    that u adds ``2 (gram 1_T)_u + gram_uu`` to it.
    """
    cost_U, ranks_U = torch.zeros(units.total, dtype=torch.float64), torch.zeros(units.total)
    readers_of = defaultdict(list)
    for gram in grams.values():
        energy = gram.products_RR.sum().clamp(min=1e-30)
        cost_U[gram.units_R] += gram.products_RR.diagonal() / energy
        for place, unit in enumerate(gram.units_R.tolist()):
            readers_of[unit].append((gram, place, energy))
    turns = [((rank + 0.5) / group.size, rank, group) for group in units.groups for rank in range(group.size)]
    for _, rank, group in sorted(turns, key=lambda turn: turn[0]):
        unit = group.first + int(cost_U[group.units].argmin())
        for gram, place, energy in readers_of[unit]:
            cost_U[gram.units_R] += 2 * gram.products_RR[place] / energy
        cost_U[unit] = torch.inf
        ranks_U[unit] = rank
    return ranks_U


def least_squares(gram_RR: Tensor, keep_R: Tensor) -> Tensor:
    """Factors, float64, of the kept units with which their contributions come closest to those of all (eq. 7)."""
    kept = gram_RR[keep_R][:, keep_R]
    towards_one = RIDGE * kept.diagonal().mean() + 1e-30
    target = gram_RR[keep_R].sum(1) + towards_one
    return torch.linalg.solve(kept + towards_one * torch.eye(len(kept), dtype=kept.dtype), target)


def input_factors(units: UnitMap, grams: Grams, keep_U: Tensor) -> dict[str, Tensor]:
    """Reader -> a factor for every input channel, float64 C; 1 if the channel has no unit or is dropped."""
    found = {}
    for reader, gram in grams.items():
        keep_R = keep_U[gram.units_R]
        factors_U = torch.ones(units.total + 1, dtype=torch.float64)
        factors_U[gram.units_R[keep_R]] = least_squares(gram.products_RR, keep_R)
        found[reader] = factors_U[units.reads[reader]]
    return found


@torch.no_grad()
def sample_grams(task: Task) -> Grams:
    """Run training images through the network, and sample the contributions of units to the layers that read them."""
    network, units = task.network, task.prunable.units
    generator = Generator().manual_seed(task.seed)
    grams, watches = {}, {}
    for name, read_C in units.reads.items():
        units_R = read_C[read_C < units.total].unique()
        grams[name] = Gram(units_R, torch.zeros(len(units_R), len(units_R), dtype=torch.float64))
        watches[name] = _watch(grams[name], read_C, generator)
    device = next(network.parameters()).device
    with evaluating(network), watching_inputs(network, watches):
        batches = task.train.batches(BATCH, order=Order(seed=task.seed, epoch=0))
        for images, _labels in islice(batches, IMAGES // BATCH):
            network(images.to(device))
    return grams


def _watch(gram: Gram, unit_of_channel: Tensor, generator: Generator) -> Watch:
    channels = torch.isin(unit_of_channel, gram.units_R).nonzero().flatten()
    place_of_channel = torch.searchsorted(gram.units_R, unit_of_channel[channels])
    places = max(1, min(PLACES, WIDE // len(gram.units_R)))

    def watch(layer: nn.Module, features: Tensor) -> None:
        rows_NC = torch.cat(list(_sample(layer, features, places, generator)))
        rows_NR = rows_NC.new_zeros(len(rows_NC), len(gram.units_R))
        rows_NR.index_add_(1, place_of_channel, rows_NC[:, channels])
        gram.products_RR.add_(rows_NR.T @ rows_NR)

    return watch


def _sample(layer: nn.Module, features: Tensor, places: int, generator: Generator) -> Iterator[Tensor]:
    """Contributions (N, C), on the CPU, of every input channel to ``OUTPUTS`` output channels at some places."""
    for channel in torch.randint(widths(layer)[1], (OUTPUTS,), generator=generator).tolist():
        added_BCL = contributions(layer, features, channel)
        drawn = torch.randint(added_BCL.shape[-1], (min(places, added_BCL.shape[-1]),), generator=generator)
        yield added_BCL[..., drawn.to(added_BCL.device)].transpose(1, 2).flatten(0, 1).cpu()
