"""What a state costs: MACs and parameters from the kept counts alone, for many states in one step.

A layer's costs depend only on how many of its inputs and outputs are kept; those of operators that
are no layers (the products of an attention) on nothing: what they touch stays whole.

Axes: P states, G groups, L layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from compress.layers import Convolution, PerChannel, is_depthwise, is_transposed, widths
from compress.tracing.plain_kernels import plain_kernels
from compress.units import UnitMap


@dataclass(frozen=True)
class Cost:
    """Totals of one state: multiply-accumulates for one image, and trainable parameters."""

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
    """
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
        counted += sum(p.numel() for p in layer.parameters(recurse=False) if p.requires_grad)
    total = sum(p.numel() for p in network.parameters() if p.requires_grad)
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

    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        features, channels = (inputs[0], widths(layer)[0]) if is_transposed(layer) else (output, widths(layer)[1])
        positions[names[layer]] = positions.get(names[layer], 0) + features.numel() / channels

    layers = [module for module in network.modules() if _is_costed(module)]
    hooks = [layer.register_forward_hook(record) for layer in layers]
    training = network.training
    counter = FlopCounterMode(display=False)
    try:
        with plain_kernels(), counter:
            network.eval()(images)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return positions, counter.get_total_flops() / 2


def _is_costed(layer: nn.Module) -> bool:
    if isinstance(layer, PerChannel):
        return any(True for _ in layer.parameters(recurse=False))
    return isinstance(layer, Convolution | nn.Linear)


def _coefficients(layer: nn.Module, positions: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """(a, b) of a layer for MACs and for parameters; see ``CostModel``."""
    trainable = [p for p in layer.parameters(recurse=False) if p.requires_grad]
    match layer:
        case Convolution() | nn.Linear():
            kernel = layer.weight[0, 0].numel()
            own = any(p is layer.weight for p in trainable)  # a weight that is computed from others is not
            bias = sum(1 for p in trainable if p is layer.bias)
            if is_depthwise(layer):
                return (0.0, kernel * positions), (0.0, float(kernel + bias))
            shared = kernel / getattr(layer, "groups", 1)
            return (shared * positions, 0.0), (shared if own else 0.0, float(bias))
        case _:
            return (0.0, 0.0), (0.0, float(len(trainable)))
