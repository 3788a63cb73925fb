"""Milliseconds of states, computed from their kept counts as MACs are, for many states at once.

Axes: P states, G groups, L layers.
"""

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor

from compress.channels.units import UnitGroup

WIDEST_STEP = 32
"""Kept counts go in no wider steps than this many channels, whatever is fast."""

USUAL_STEP = 16
"""Counts of a latency budget go in such steps, or in wider ones: onnxruntime's blocked layouts and INT8 kernels are
made for them, and a count between two multiples may take longer than the next one (``docs/latency-budget.md``)."""

FINEST_STEP = 4
"""What steps of narrow groups, and of a budget that is out of reach otherwise, go down to."""

_ROUNDING = 1e-6  # of channels, which are whole numbers


@dataclass(frozen=True)
class LatencyModel:
    """One call's milliseconds: ``sum_l c0 + c1 i + c2 o + c3 i o`` over the layers, plus ``rest`` times the counts.

    i and o are a layer's kept inputs and outputs, rounded up to its blocks: the runtime handles so many channels at a
    time. All coefficients are at least 0, so a state with more units is never faster.

    Attributes:
        coefficients_L4: (c0, c1, c2, c3) of each layer of a ``CostModel``: float64 (L, 4).
        blocks_L2: blocks of inputs and outputs, in channels: int64 (L, 2).
        rest_G: milliseconds that one unit of a group adds outside layers, and last the constant: float64 (G + 1,).
        original_ms: of a call of the file that speed-ups are against, where that is not the whole network as modelled:
            the float32 file, of a model of INT8 files.
    """

    coefficients_L4: Tensor
    blocks_L2: Tensor
    rest_G: Tensor
    original_ms: float | None = None

    def milliseconds(self, counts_PG: Tensor, inputs_PL: Tensor, outputs_PL: Tensor, *, rounded: bool = True) -> Tensor:
        """Milliseconds of states: float64 P.

        ``counts_PG`` has a last column of ones, float64 (P, G + 1). Not ``rounded``, the channels are taken as they
        are: what a unit costs on average over its block.
        """
        parts_PL = self.by_layer(inputs_PL, outputs_PL, rounded=rounded)
        return parts_PL.sum(-1) + counts_PG @ self.rest_G

    def by_layer(self, inputs_PL: Tensor, outputs_PL: Tensor, *, rounded: bool = True) -> Tensor:
        """Milliseconds of each layer with so many inputs and outputs: float64 (P, L)."""
        if rounded:
            inputs_PL, outputs_PL = (
                torch.ceil(channels_PL / block_L - _ROUNDING) * block_L
                for channels_PL, block_L in zip((inputs_PL, outputs_PL), self.blocks_L2.T, strict=True)
            )
        constant, by_inputs, by_outputs, by_both = self.coefficients_L4.T
        return constant + by_inputs * inputs_PL + (by_outputs + by_both * inputs_PL) * outputs_PL

    def fast_steps(self, groups: tuple[UnitGroup, ...], inputs_LG: Tensor, outputs_LG: Tensor) -> list[int]:
        """The channels in which each group's counts should go: the block of the layers that it slows most.

        ``inputs_LG`` and ``outputs_LG`` are those of the ``CostModel``. No step is finer than the usual one; then it is
        halved until it divides the group into at least two.
        """
        whole = torch.tensor([*(float(group.size) for group in groups), 1.0], dtype=torch.float64)
        inputs_L, outputs_L = inputs_LG @ whole, outputs_LG @ whole
        _, by_inputs, by_outputs, by_both = self.coefficients_L4.T
        of_inputs_L = (by_inputs + by_both * outputs_L) * inputs_L
        of_outputs_L = (by_outputs + by_both * inputs_L) * outputs_L
        steps = []
        for place, group in enumerate(groups):
            spent: dict[int, float] = defaultdict(float)
            for side, (ms_L, channels_LG, wide_L) in enumerate(
                ((of_inputs_L, inputs_LG, inputs_L), (of_outputs_L, outputs_LG, outputs_L))
            ):
                share_L = channels_LG[:, place] * group.size / wide_L.clamp(min=1.0)
                for block, ms in zip(self.blocks_L2[:, side].tolist(), (ms_L * share_L).tolist(), strict=True):
                    spent[block] += ms
            block = max(spent, key=lambda one: spent[one]) if any(spent.values()) else USUAL_STEP
            steps.append(step_within(max(block, USUAL_STEP), width=group.width))
        return steps


def step_within(block: int, *, width: int) -> int:
    """The block, or the half of it, and so on, that divides a group of so many channels into at least two."""
    step = min(max(block, FINEST_STEP), WIDEST_STEP)
    while step > FINEST_STEP and (2 * step > width or width % step):
        step //= 2
    return step
