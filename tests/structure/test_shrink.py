"""The cut: kept numbers and nothing else, by torch-pruning's pruners or by ours where these are wrong."""

import copy
import sys

import pytest
import torch
from torch import nn

from compress.channels.masks import kept_entries
from compress.channels.units import find_units
from compress.structure.remove import remove_units
from compress.structure.shrink import import_torch_pruning, pruner_of, shrink
from tests.helpers.networks import image_batch, network_of, pooled
from tests.helpers.odd_networks import BUILDERS


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", BUILDERS)
def test_the_cut_keeps_numbers_frozen_parameters_and_layout(name: str, layout: torch.memory_format):
    network = BUILDERS[name]()
    for place, parameter in enumerate(network.parameters()):
        parameter.requires_grad_(place % 3 != 1)
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=layout)
    units = find_units(network, image_batch())
    keep_U = torch.arange(units.total) % 2 == 0
    smaller = copy.deepcopy(network)
    shrink(smaller, units, keep_U)
    entries = kept_entries(network, units, keep_U)
    assert entries
    before = dict(network.named_parameters()) | dict(network.named_buffers())
    for key, value in (*smaller.named_parameters(), *smaller.named_buffers()):
        kept = before[key][entries[key].expand_as(before[key])] if key in entries else before[key].flatten()
        assert torch.equal(value.flatten(), kept), key
        assert (value.dtype, value.requires_grad) == (before[key].dtype, before[key].requires_grad), key
        assert value.dim() != 4 or value.is_contiguous(memory_format=layout), key


def test_a_parameter_of_whole_numbers_is_cut_with_its_channels():
    scale = nn.Parameter(torch.arange(1, 9).reshape(8, 1, 1), requires_grad=False)
    network = network_of(
        lambda n, x: n.head((n.stem(x) * n.scale).mean((2, 3))),
        stem=nn.Conv2d(2, 8, 3), scale=scale, head=nn.Linear(8, 3),
    )  # fmt: skip
    shrink(network, find_units(network, image_batch()), torch.arange(8) % 3 == 0)
    assert network.scale.flatten().tolist() == [1, 4, 7]
    assert not network.scale.requires_grad


class Masked(nn.Conv2d):
    """A convolution with a buffer of the user's."""

    def __init__(self) -> None:
        super().__init__(8, 8, 1)
        self.register_buffer("mask", torch.ones(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * self.mask[:, None, None]


WRONG = {
    "grouped, transposed": (lambda: nn.ConvTranspose2d(8, 8, 1, groups=2), 8),
    "several filters a channel": (lambda: nn.Conv2d(4, 8, 1, groups=4), 2),
    "several filters a channel, transposed": (lambda: nn.ConvTranspose2d(4, 8, 1, groups=4), 2),
    "InstanceNorm with running statistics": (lambda: nn.InstanceNorm2d(8, track_running_stats=True), 4),
    "BatchNorm without a bias": (lambda: nn.BatchNorm2d(8, bias=False), 4),
    "a buffer of the user": (Masked, 8),
}
"""Layer of 8 channels, and the channels it is given after 2, 3, 6 and 7 of its own are gone."""


@pytest.mark.parametrize("kind", WRONG)
def test_kinds_that_torch_pruning_cuts_wrongly_are_cut_here(kind: str):
    """Its pruner raises, or the layer no longer runs: where it does, a new release has mended it."""
    make, width_in = WRONG[kind]
    layer = make()
    assert pruner_of(layer) is None
    torch_pruning = import_torch_pruning()
    pruner = torch_pruning.pruner.function.PrunerBox[torch_pruning.ops.module2type(layer)]
    with pytest.raises((RuntimeError, IndexError, AttributeError, ValueError)):
        pruner.prune_out_channels(layer, [2, 3, 6, 7])(torch.randn(2, width_in, 3, 3))


@pytest.mark.parametrize("kind", ["InstanceNorm with running statistics", "BatchNorm without a bias"])
def test_norms_cut_here_equal_the_masked_network(kind: str):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 8, 3), WRONG[kind][0](), *pooled(8))
    network(image_batch(8) * 2 + 1)
    units = find_units(network.eval(), image_batch())
    result = remove_units(network, units, torch.arange(8) % 2 == 0, image_batch())
    assert result.max_abs_difference <= 1e-6
    assert len(result.network[1].running_mean) == 4


def test_torch_pruning_is_imported_without_timm(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("torch_pruning", "timm")]:
        monkeypatch.delitem(sys.modules, name)
    assert import_torch_pruning.__wrapped__().pruner.function.PrunerBox
    assert not any(name.split(".")[0] == "timm" for name in sys.modules)
