"""What a state costs, and the repair that brings any state to a budget with aligned channel counts.

MACs and parameters of a layer depend only on how many of its inputs and outputs are kept, so the
costs of many states come from the kept counts alone, in one vectorised step.

Axes: P states, U units, G groups, L layers, S the largest group.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress.errors import UsageError
from compress.layers import Convolution, PerChannel, is_depthwise, is_transposed, widths
from compress.units import UnitMap

FLOOR = 0.1
"""No group keeps less than this share of its units: a starved layer cannot be repaired by training."""

SLACK = 0.01
"""Filling up stops once a state is within this share of its limit."""


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
    uses = _output_positions(network, example[:1])
    rows: list[tuple[tuple[float, float], tuple[float, float], Tensor, Tensor]] = []
    counted = 0
    for name, positions in uses.items():
        layer = network.get_submodule(name)
        macs, parameters = _coefficients(layer, positions)
        width_in, width_out = widths(layer)
        read = units.reads.get(name, torch.full((width_in,), units.total))
        carried = units.carries.get(name, torch.full((width_out,), units.total))
        rows.append((macs, parameters, _per_group(read, units), _per_group(carried, units)))
        counted += sum(p.numel() for p in layer.parameters(recurse=False) if p.requires_grad)
    total = sum(p.numel() for p in network.parameters() if p.requires_grad)
    inputs = torch.stack([row[2] for row in rows])
    outputs = torch.stack([row[3] for row in rows])
    return CostModel(
        measure_2L2=torch.tensor([[row[0] for row in rows], [row[1] for row in rows]], dtype=torch.float64),
        constant_2=torch.tensor([0, total - counted], dtype=torch.float64),
        inputs_LG=inputs[:, :-1],
        fixed_inputs_L=inputs[:, -1],
        outputs_LG=outputs[:, :-1],
        fixed_outputs_L=outputs[:, -1],
        sizes_G=torch.tensor([group.size for group in units.groups]),
    )


@dataclass(frozen=True)
class Budget:
    """Shares of the whole network's MACs and parameters a state may keep; ``None`` does not limit."""

    macs: float | None = None
    parameters: float | None = None

    def limits(self, model: CostModel, *, progress: float = 1.0) -> Tensor:
        """Limits (2,), shrinking from the whole network (``progress`` 0) to the budget (1)."""
        full = model.costs(model.sizes_G.unsqueeze(0))[0]
        shares = torch.tensor([self.macs or float("inf"), self.parameters or float("inf")], dtype=torch.float64)
        shares = torch.where(shares.isfinite(), 1.0 - progress * (1.0 - shares), shares)
        return full * shares


@dataclass(frozen=True)
class Counts:
    """The kept counts a group may have: ``smallest``, in steps of ``step``, up to ``largest`` (int64 G)."""

    smallest: Tensor
    step: Tensor
    largest: Tensor

    def round(self, counts_PG: Tensor) -> Tensor:
        """The nearest allowed counts."""
        stepped = (counts_PG + self.step // 2) // self.step * self.step
        return stepped.clamp(min=self.smallest, max=self.largest)


def allowed_counts(units: UnitMap, align: int, *, floor: float = FLOOR) -> Counts:
    """Multiples of ``align`` channels per group, or the whole group where it is smaller than that."""
    smallest, steps, largest = [], [], []
    for group in units.groups:
        step = align // torch.gcd(torch.tensor(align), torch.tensor(group.tied)).item()
        step = min(step, group.size)
        least = -(-max(1, round(floor * group.size)) // step) * step
        most = group.size // step * step
        smallest.append(min(least, most))
        steps.append(step)
        largest.append(most)
    return Counts(torch.tensor(smallest), torch.tensor(steps), torch.tensor(largest))


def check_reachable(model: CostModel, counts: Counts, limits: Tensor) -> None:
    """Raise where even the smallest allowed state is over the limits.

    Raises:
        UsageError: it is; the message names the smallest share that can be kept.
    """
    least = model.costs(counts.smallest.unsqueeze(0))[0]
    full = model.costs(model.sizes_G.unsqueeze(0))[0]
    for name, low, limit, whole in zip(("MACs", "parameters"), least, limits, full, strict=True):
        if low > limit:
            raise UsageError(
                f"cannot keep only {limit / whole:.1%} of the {name}: with this alignment and minimum per layer "
                f"the smallest network keeps {low / whole:.1%}; ask for more, or use a smaller --align"
            )


def repair(keys_PU: Tensor, units: UnitMap, model: CostModel, counts: Counts, limits: Tensor) -> Tensor:
    """Bring states to a budget: keep the units of highest key, in allowed counts, within the limits.

    A common threshold on the keys decides how much each group keeps; bisection finds the lowest
    threshold whose aligned counts are within the limits; what is left is filled up block by block.

    Args:
        keys_PU: the priority of every unit in every state, float.
        units: U units in G groups.
        model: costs of counts.
        counts: allowed counts per group.
        limits: (2,) from ``Budget.limits``.

    Returns:
        States, bool (P, U).
    """
    padded_PGS = _padded(keys_PU, units)
    sorted_PGS, order_PGS = padded_PGS.sort(dim=-1, descending=True, stable=True)
    counts_PG = _bisect(sorted_PGS, model, counts, limits)
    counts_PG = _fill(counts_PG, sorted_PGS, model, counts, limits)
    rank_PGS = torch.empty_like(order_PGS)
    rank_PGS.scatter_(-1, order_PGS, torch.arange(order_PGS.shape[-1]).expand_as(order_PGS).contiguous())
    keep_PGS = rank_PGS < counts_PG.unsqueeze(-1)
    return keep_PGS[:, *_places(units)]


def _bisect(sorted_PGS: Tensor, model: CostModel, counts: Counts, limits: Tensor) -> Tensor:
    finite = sorted_PGS[sorted_PGS.isfinite()]
    low = torch.full((len(sorted_PGS),), float(finite.min()) - 1.0, dtype=sorted_PGS.dtype)
    high = torch.full_like(low, float(finite.max()) + 1.0)

    def at(threshold_P: Tensor) -> Tensor:
        return counts.round((sorted_PGS > threshold_P[:, None, None]).sum(-1))

    everything = (model.costs(at(low)) <= limits).all(-1)
    for _ in range(40):
        middle = (low + high) / 2
        fits = (model.costs(at(middle)) <= limits).all(-1)
        high = torch.where(fits, middle, high)
        low = torch.where(fits, low, middle)
    return torch.where(everything.unsqueeze(-1), counts.largest, at(high))


def _fill(counts_PG: Tensor, sorted_PGS: Tensor, model: CostModel, counts: Counts, limits: Tensor) -> Tensor:
    """Add one block at a time, of the highest key that still fits, until close to a limit."""
    states, groups = counts_PG.shape
    steps = torch.diag(counts.step)
    for _ in range(2 * groups):
        more_PGG = counts_PG.unsqueeze(1) + steps
        costs = model.costs(more_PGG.reshape(-1, groups)).reshape(states, groups, 2)
        fits_PG = (costs <= limits).all(-1) & (counts_PG + counts.step <= counts.largest)
        near_P = (model.costs(counts_PG) >= limits * (1 - SLACK)).any(-1)
        fits_PG &= ~near_P.unsqueeze(-1)
        if not fits_PG.any():
            break
        next_key_PG = sorted_PGS.gather(-1, counts_PG.clamp(max=sorted_PGS.shape[-1] - 1).unsqueeze(-1)).squeeze(-1)
        best_P = torch.where(fits_PG, next_key_PG, -torch.inf).argmax(-1)
        grow_PG = nn.functional.one_hot(best_P, groups).bool() & fits_PG
        counts_PG = counts_PG + grow_PG * counts.step
    return counts_PG


def _places(units: UnitMap) -> tuple[Tensor, Tensor]:
    within = torch.cat([torch.arange(group.size) for group in units.groups])
    return units.group_of_unit, within


def _padded(keys_PU: Tensor, units: UnitMap) -> Tensor:
    widest = max(group.size for group in units.groups)
    padded = keys_PU.new_full((len(keys_PU), len(units.groups), widest), -torch.inf)
    padded[:, *_places(units)] = keys_PU
    return padded


def _per_group(unit_of_channel: Tensor, units: UnitMap) -> Tensor:
    """Channels of a layer per unit of every group, and last the fixed ones: float64 (G + 1,)."""
    bounds = torch.tensor([group.first for group in units.groups] + [units.total])
    group = torch.bucketize(unit_of_channel, bounds, right=True) - 1
    channels = torch.bincount(group, minlength=len(units.groups) + 1).to(torch.float64)
    sizes = torch.tensor([group.size for group in units.groups] + [1], dtype=torch.float64)
    return channels / sizes


def _output_positions(network: nn.Module, image: Tensor) -> Mapping[str, float]:
    """How often a layer's kernel is applied to one image, summed over its calls (a conv's H x W out)."""
    positions: dict[str, float] = {}
    names = {module: name for name, module in network.named_modules()}

    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        features, channels = (inputs[0], widths(layer)[0]) if is_transposed(layer) else (output, widths(layer)[1])
        positions[names[layer]] = positions.get(names[layer], 0) + features.numel() / channels

    layers = [module for module in network.modules() if _is_costed(module)]
    hooks = [layer.register_forward_hook(record) for layer in layers]
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(image)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return positions


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
            bias = sum(1 for p in trainable if p is layer.bias)
            if is_depthwise(layer):
                return (0.0, kernel * positions), (0.0, float(kernel + bias))
            shared = kernel / getattr(layer, "groups", 1)
            return (shared * positions, 0.0), (shared if layer.weight.requires_grad else 0.0, float(bias))
        case _:
            return (0.0, 0.0), (0.0, float(len(trainable)))
