"""MACs and parameters of states, computed from their kept counts, for many states at once.

A layer's cost depends only on its kept inputs and outputs. Operators outside layers (the products of
attention) have a constant cost: the channels they touch are not pruned.

Axes: P states, G groups, L layers.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from compress.channels.units import UnitMap
from compress.errors import UsageError
from compress.tracing.layers import Convolution, PerChannel, is_depthwise, is_transposed, tensors_given, widths
from compress.tracing.plain_kernels import plain_kernels

_BESIDE_TORCH: Final[dict[Any, Callable[..., int]]] = {
    torch.ops.aten.mv: lambda matrix, *_others, **_named: 2 * math.prod(matrix),
}
"""Operators that torch's counter leaves out -> two operations a product, from the shapes of the inputs."""

_WITHOUT_RULE: Final = (nn.RNNBase, nn.Bilinear)


@dataclass(frozen=True)
class Cost:
    """Totals of one state: multiply-accumulates for one image, and parameters, frozen ones too."""

    macs: int
    parameters: int


@dataclass(frozen=True)
class CostModel:
    """Costs as ``sum_l a_l * in_l * out_l + b_l * out_l + constant`` over the layers, for two measures.

    ``measure_2L2`` holds (a, b) per layer for MACs and parameters; ``inputs_LG`` and ``outputs_LG``
    say how many channels of a layer one kept unit of a group brings, beside the fixed ones.
    """

    measure_2L2: Tensor
    constant_2: Tensor
    inputs_LG: Tensor
    fixed_inputs_L: Tensor
    outputs_LG: Tensor
    fixed_outputs_L: Tensor
    sizes_G: Tensor

    def costs(self, counts_PG: Tensor) -> Tensor:
        """MACs and parameters of states given by their kept counts: float64 (P, 2), whole numbers."""
        counts = counts_PG.to(torch.float64)
        inputs_PL = counts @ self.inputs_LG.T + self.fixed_inputs_L
        outputs_PL = counts @ self.outputs_LG.T + self.fixed_outputs_L
        terms_PL2 = torch.stack([inputs_PL * outputs_PL, outputs_PL], dim=-1)
        return (torch.einsum("pli,mli->pm", terms_PL2, self.measure_2L2) + self.constant_2).round()

    def cost(self, counts_G: Tensor) -> Cost:
        """The same for one state."""
        macs, parameters = self.costs(counts_G.unsqueeze(0))[0].tolist()
        return Cost(macs=int(macs), parameters=int(parameters))

    @property
    def full(self) -> Cost:
        """The cost of the whole network."""
        return self.cost(self.sizes_G)


def build_cost_model(network: nn.Module, units: UnitMap, example: Tensor) -> CostModel:
    """Measure a network's layers on one image.

    Args:
        network: the network the units were found in.
        units: its units.
        example: a batch of images (B, C, H, W); only its first image is used.

    Raises:
        UsageError: a recurrent or bilinear layer, for which there is no rule.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, _WITHOUT_RULE):
            raise UsageError(
                f"{name}: the MACs of {type(layer).__name__} cannot be counted; "
                "try a network of convolutions, linear layers and attention"
            )
    uses, macs_of_all = _per_image(network, example[:1])
    rows: list[tuple[tuple[float, float], tuple[float, float], Tensor, Tensor]] = []
    counted = 0
    macs_of_layers = 0.0
    for name, positions in uses.items():
        layer = network.get_submodule(name)
        macs, parameters = _coefficients(layer, positions)
        width_in, width_out = widths(layer)
        read = units.reads.get(name, torch.full((width_in,), units.total))
        carried = units.carries.get(name, torch.full((width_out,), units.total))
        rows.append((macs, parameters, _per_group(read, units), _per_group(carried, units)))
        macs_of_layers += macs[0] * width_in * width_out + macs[1] * width_out
        counted += sum(p.numel() for p in layer.parameters(recurse=False))
    total = sum(p.numel() for p in network.parameters())
    inputs = torch.stack([row[2] for row in rows])
    outputs = torch.stack([row[3] for row in rows])
    return CostModel(
        measure_2L2=torch.tensor([[row[0] for row in rows], [row[1] for row in rows]], dtype=torch.float64),
        constant_2=torch.tensor([max(0.0, macs_of_all - macs_of_layers), total - counted], dtype=torch.float64),
        inputs_LG=inputs[:, :-1],
        fixed_inputs_L=inputs[:, -1],
        outputs_LG=outputs[:, :-1],
        fixed_outputs_L=outputs[:, -1],
        sizes_G=torch.tensor([group.size for group in units.groups]),
    )


def _per_group(unit_of_channel: Tensor, units: UnitMap) -> Tensor:
    """Channels of a layer per unit of every group, and last the fixed ones: float64 (G + 1,)."""
    bounds = torch.tensor([group.first for group in units.groups] + [units.total])
    group = torch.bucketize(unit_of_channel, bounds, right=True) - 1
    channels = torch.bincount(group, minlength=len(units.groups) + 1).to(torch.float64)
    sizes = torch.tensor([group.size for group in units.groups] + [1], dtype=torch.float64)
    return channels / sizes


def _per_image(network: nn.Module, image: Tensor) -> tuple[Mapping[str, float], float]:
    """How often a layer's kernel is applied to one image, summed over its calls (a conv's H x W out).

    And the MACs of the whole network by torch's own counter, which sees the products of matrices that no
    layer makes: attention's, or those of functions on bare parameters. None of them depends on a unit.
    What one more image costs is what counts: work that is the same for any image is done once and for all.
    """
    one, macs_of_one = _of_batch(network, image)
    two, macs_of_two = _of_batch(network, torch.cat([image, image]))
    return {name: two[name] - one[name] for name in one}, macs_of_two - macs_of_one


def _of_batch(network: nn.Module, images: Tensor) -> tuple[Mapping[str, float], float]:
    positions: dict[str, float] = {}
    names = {module: name for name, module in network.named_modules()}

    def record(layer: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any], output: Tensor) -> None:
        reads, makes = widths(layer)
        features, channels = (tensors_given(inputs, named)[0], reads) if is_transposed(layer) else (output, makes)
        positions[names[layer]] = positions.get(names[layer], 0) + features.numel() / channels

    layers = [module for module in network.modules() if _is_costed(module)]
    hooks = [layer.register_forward_hook(record, with_kwargs=True) for layer in layers]
    try:
        with _counting(network) as counter:
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return positions, counter.get_total_flops() / 2


@contextmanager
def _counting(network: nn.Module) -> Iterator[FlopCounterMode]:
    """Count two operations a product, with the network in evaluation mode."""
    training = network.training
    counter = FlopCounterMode(display=False, custom_mapping=_BESIDE_TORCH)
    network.eval()
    try:
        with plain_kernels(), counter:
            yield counter
    finally:
        network.train(training)


def products_per_image(network: nn.Module, image: Tensor) -> list[tuple[str, int]]:
    """The calls whose products ``CostModel`` counts, in their order: torch's operator and its MACs for one image.

    Args:
        network: not changed.
        image: (1, C, H, W).
    """
    one, two = _calls(network, image), _calls(network, torch.cat([image, image]))
    both = zip(one, two, strict=False)
    return [(operator, after - before) for (operator, before), (_same, after) in both if after > before]


def _calls(network: nn.Module, images: Tensor) -> list[tuple[str, int]]:
    with _counting(network) as counter, _Calls(counter) as calls:
        network(images)
    return calls.counted


class _Calls(TorchDispatchMode):
    """Reads a counter before and after every call of an operator."""

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


def _is_costed(layer: nn.Module) -> bool:
    if isinstance(layer, PerChannel):
        return any(True for _ in layer.parameters(recurse=False))
    return isinstance(layer, Convolution | nn.Linear)


def _coefficients(layer: nn.Module, positions: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """(a, b) of a layer for MACs and for parameters; see ``CostModel``."""
    own = list(layer.parameters(recurse=False))
    match layer:
        case Convolution() | nn.Linear():
            kernel = layer.weight[0, 0].numel()
            weight = any(p is layer.weight for p in own)  # a weight that is computed from others is not
            bias = sum(1 for p in own if p is layer.bias)
            if is_depthwise(layer):
                return (0.0, kernel * positions), (0.0, float(kernel + bias))
            shared = kernel / getattr(layer, "groups", 1)
            return (shared * positions, 0.0), (shared if weight else 0.0, float(bias))
        case _:
            return (0.0, 0.0), (0.0, float(len(own)))
