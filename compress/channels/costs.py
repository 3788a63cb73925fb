"""MACs, parameters and latency of states, computed from their kept counts, for many states at once.

A layer's cost depends only on its kept inputs and outputs. Operators outside layers have a constant number of MACs.

Axes: P states, G groups, L layers, M measures: MACs, parameters and, of a network with a latency model, milliseconds.
"""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.module_tracker import ModuleTracker

from compress.channels.latency import LatencyModel
from compress.channels.units import UnitMap
from compress.errors import UsageError
from compress.tracing.forward_pass import evaluating, plain_kernels, tensors_given
from compress.tracing.layers import Convolution, Cuttable, PerChannel, is_depthwise, is_transposed, widths

_BESIDE_TORCH: Final[dict[Any, Callable[..., int]]] = {
    torch.ops.aten.mv: lambda matrix, *_others, **_named: 2 * math.prod(matrix),
}
"""Operators that torch's counter leaves out -> two operations a product, from the shapes of the inputs."""

_WITHOUT_RULE: Final = (nn.RNNBase, nn.Bilinear)

_LEAST_SHARE: Final = 0.05
"""A unit adds at least this share of the mean over the groups to the latency: timings of cheap ones are noise."""


@dataclass(frozen=True)
class Cost:
    """Totals of one state: multiply-accumulates for one image, parameters, frozen ones too, milliseconds of a call.

    ``milliseconds`` is ``None`` without a latency model.
    """

    macs: int
    parameters: int
    milliseconds: float | None = None


@dataclass(frozen=True)
class CostModel:
    """Costs as ``sum_l a_l * in_l * out_l + b_l * out_l + constant`` over the layers, for MACs and parameters.

    ``layers`` names them; bare parameters that are cut come last. ``measure_2L2`` holds (a, b) per layer for MACs and
    parameters. ``inputs_LG`` and ``outputs_LG`` (L, G + 1) say how many channels of a layer one kept unit of a group
    brings; the last column holds the fixed channels. A ``latency`` model adds milliseconds as a third measure.
    """

    layers: tuple[str, ...]
    measure_2L2: Tensor
    constant_2: Tensor
    inputs_LG: Tensor
    outputs_LG: Tensor
    sizes_G: Tensor
    latency: LatencyModel | None = None

    def costs(self, counts_PG: Tensor) -> Tensor:
        """Costs of states given by their kept counts: float64 (P, M); MACs and parameters are whole numbers."""
        counts, inputs_PL, outputs_PL = self._channels(counts_PG)
        by_both_L2, by_outputs_L2 = self.measure_2L2[..., 0].T, self.measure_2L2[..., 1].T
        costs_P2 = ((inputs_PL * outputs_PL) @ by_both_L2 + outputs_PL @ by_outputs_L2 + self.constant_2).round()
        if self.latency is None:
            return costs_P2
        return torch.cat([costs_P2, self.latency.milliseconds(counts, inputs_PL, outputs_PL).unsqueeze(-1)], -1)

    def unit_costs(self, counts_G: Tensor) -> Tensor:
        """What one more unit of each group costs in a state: float64 (G, M); milliseconds as the mean over a block."""
        one_more_GG = counts_G + torch.eye(len(counts_G), dtype=counts_G.dtype)
        more_GM = self.costs(one_more_GG) - self.costs(counts_G.unsqueeze(0))
        if self.latency is not None:
            both_PG = torch.cat([one_more_GG, counts_G.unsqueeze(0)])
            smooth_P = self.latency.milliseconds(*self._channels(both_PG), rounded=False)
            more_G = smooth_P[:-1] - smooth_P[-1]
            more_GM[:, 2] = more_G.clamp(min=_LEAST_SHARE * float(more_G.mean()))
        return more_GM

    def _channels(self, counts_PG: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Counts with a column of ones for the fixed channels, float64 (P, G + 1), inputs and outputs (P, L)."""
        counts = nn.functional.pad(counts_PG.to(torch.float64), (0, 1), value=1.0)
        return counts, counts @ self.inputs_LG.T, counts @ self.outputs_LG.T

    def cost(self, counts_G: Tensor) -> Cost:
        """The same for one state."""
        macs, parameters, *milliseconds = self.costs(counts_G.unsqueeze(0))[0].tolist()
        return Cost(int(macs), int(parameters), *milliseconds)

    def by_layer(self, counts_G: Tensor, measure: int) -> dict[str, float]:
        """One measure of a state by layer, and under "" what no layer makes."""
        counts, inputs_PL, outputs_PL = self._channels(counts_G.unsqueeze(0))
        if measure < len(self.measure_2L2):
            by_both_L, by_outputs_L = self.measure_2L2[measure].T
            costs_L, rest = (
                (by_both_L * inputs_PL * outputs_PL + by_outputs_L * outputs_PL)[0],
                self.constant_2[measure],
            )
        else:
            assert self.latency is not None
            costs_L, rest = self.latency.by_layer(inputs_PL, outputs_PL)[0], (counts @ self.latency.rest_G)[0]
        return dict(zip(self.layers, costs_L.tolist(), strict=True)) | {"": float(rest)}

    @property
    def full(self) -> Cost:
        """The cost of the whole network."""
        return self.cost(self.sizes_G)

    @property
    def full_M(self) -> Tensor:
        """The costs of the whole network: float64 M."""
        return self.costs(self.sizes_G.unsqueeze(0))[0]


def build_cost_model(network: nn.Module, units: UnitMap, example: Tensor) -> CostModel:
    """Measure a network's layers on the first image of a batch (B, C, H, W).

    Costs are what one more image adds: work that is the same for any image does not count. Products of matrices that
    no layer makes count, too: none depends on a unit. UsageError for a recurrent or bilinear layer, without a rule.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, _WITHOUT_RULE):
            raise UsageError(
                f"{name}: the MACs of {type(layer).__name__} cannot be counted; "
                "try a network of convolutions, linear layers and attention"
            )
    image = example[:1]
    (one, calls_of_one), (two, calls_of_two) = _run(network, image), _run(network, torch.cat([image, image]))
    macs_of_all = sum(macs for _, macs in calls_of_two) - sum(macs for _, macs in calls_of_one)
    layers = {name: network.get_submodule(name) for name in one}
    measures = [_coefficients(layer, two[name] - one[name]) for name, layer in layers.items()]
    wide = [widths(layer) for layer in layers.values()]
    whole = dict(network.named_parameters())
    bare = [name for name in units.bare if name in whole]
    for name in bare:
        width = len(units.bare[name])
        measures.append(((0.0, 0.0), (0.0, whole[name].numel() / width)))
        wide.append((1, width))
    macs_of_layers, parameters_of_layers = (
        sum(
            by_both * width_in * width_out + by_outputs * width_out
            for (by_both, by_outputs), (width_in, width_out) in zip(measure, wide, strict=True)
        )
        for measure in zip(*measures, strict=True)
    )
    parameters = sum(p.numel() for p in whole.values())
    names = (*layers, *bare)
    inputs, outputs = (
        [_per_group(side.get(name), sizes[place], units) for name, sizes in zip(names, wide, strict=True)]
        for place, side in enumerate((units.reads, {**units.carries, **units.bare}))
    )
    return CostModel(
        layers=names,
        measure_2L2=torch.tensor(measures, dtype=torch.float64).transpose(0, 1),
        constant_2=torch.tensor(
            [max(0.0, macs_of_all - macs_of_layers), parameters - parameters_of_layers], dtype=torch.float64
        ),
        inputs_LG=torch.stack(inputs),
        outputs_LG=torch.stack(outputs),
        sizes_G=units.sizes,
    )


def _per_group(unit_of_channel: Tensor | None, width: int, units: UnitMap) -> Tensor:
    """Channels of a layer per unit of every group, and last the fixed ones: float64 (G + 1,)."""
    unit_of_channel = torch.full((width,), units.total) if unit_of_channel is None else unit_of_channel
    group_of_unit = nn.functional.pad(units.group_of_unit, (0, 1), value=len(units.groups))
    channels = torch.bincount(group_of_unit[unit_of_channel], minlength=len(units.groups) + 1).to(torch.float64)
    return channels / torch.cat([units.sizes, torch.ones(1)])


def products_per_image(network: nn.Module, image: Tensor) -> list[tuple[str, int]]:
    """The calls whose products ``CostModel`` counts, in their order: torch's operator and its MACs for one image."""
    both = zip(_run(network, image)[1], _run(network, torch.cat([image, image]))[1], strict=False)
    return [(operator, after - before) for (operator, before), (_same, after) in both if after > before]


def _run(network: nn.Module, images: Tensor) -> tuple[dict[str, float], list[tuple[str, int]]]:
    """How often each layer's kernel is applied to a batch (a conv's H x W out); operator and MACs of every call."""
    positions: dict[str, float] = {}

    def record(name: str, layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Tensor) -> None:
        reads, makes = widths(layer)
        features, channels = (tensors_given(inputs, named)[0], reads) if is_transposed(layer) else (output, makes)
        positions[name] = positions.get(name, 0) + features.numel() / channels

    with ExitStack() as stack:
        for name, layer in network.named_modules():
            if isinstance(layer, Cuttable) and (list(layer.parameters()) or not isinstance(layer, PerChannel)):
                stack.callback(layer.register_forward_hook(partial(record, name), with_kwargs=True).remove)
        counter = FlopCounterMode(display=False, custom_mapping=_BESIDE_TORCH)
        counter.mod_tracker = _NoModules()
        with evaluating(network), plain_kernels(), counter, _Calls(counter) as calls:
            network(images)
    return positions, calls.counted


class _NoModules(ModuleTracker):
    """In place of torch's tracker, which fails where a view of a parameter is handed to a module without gradients."""

    def __enter__(self) -> "_NoModules":
        return self

    def __exit__(self, *_args: object) -> None: ...


class _Calls(TorchDispatchMode):
    """Reads a counter, which counts two operations a product, before and after every call of an operator."""

    supports_higher_order_operators = True

    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()
        self._counter = counter
        self.counted: list[tuple[str, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = self._counter.get_total_flops()
        output = func(*args, **(kwargs or {}))
        macs = (self._counter.get_total_flops() - before) // 2
        if macs:
            self.counted.append((func.__name__.split(".")[0], macs))
        return output


def _coefficients(layer: nn.Module, positions: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """(a, b) of a layer for MACs and for parameters; see ``CostModel``."""
    own = list(layer.parameters(recurse=False))
    if not isinstance(layer, Convolution | nn.Linear):
        return (0.0, 0.0), (0.0, float(len(own)))
    kernel = layer.weight[0, 0].numel()
    weight = any(p is layer.weight for p in own)  # a weight that is computed from others is not
    bias = sum(1 for p in own if p is layer.bias)
    if is_depthwise(layer):
        return (0.0, kernel * positions), (0.0, float(kernel + bias))
    shared = kernel / getattr(layer, "groups", 1)
    rows = [p for p in own if p is not layer.weight and p is not layer.bias and p.dim() and len(p) == widths(layer)[1]]
    others = sum(p[0].numel() for p in rows)  # of weights that are computed
    return (shared * positions, 0.0), (shared if weight else 0.0, float(bias + others))
