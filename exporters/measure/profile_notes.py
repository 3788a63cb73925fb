"""Why a layer did not get faster in proportion to its multiply-accumulates.

The note is the first cause that applies; it is read off shapes and sizes, not measured by itself.
"""

from dataclasses import dataclass
from typing import Final

LAYOUT_CHANGES: Final = frozenset({"ReorderInput", "ReorderOutput", "Transpose"})
TYPE_CHANGES: Final = frozenset({"Cast", "DequantizeLinear", "QuantizeLinear"})
BLOCKED: Final = ", blocked"
"""After the name of an operator that ran in onnxruntime's blocked layout."""

_IN_PROPORTION: Final = 1.25  # times the time for the kept share of the MACs
_CLOCK_MS: Final = 0.0015  # onnxruntime's profile counts whole microseconds
_FEW_MACS: Final = 2.0  # per byte moved; below, the processor may wait for memory
_IMAGE_CHANNELS: Final = 4
# Output channels that share one read of the input. Measured with blocks of 16 (AVX-512, 3x3 convolutions
# of 16 channels): 16 channels took 24 µs, 17 to 32 took 33, 48 took 42, 64 took 53, 80 took 74. Other
# blocks were not measured, so there is no such note for them.
_MEASURED_BLOCK: Final = 16
_CHANNELS_AT_ONCE: Final = 64


@dataclass(frozen=True)
class LayerRun:
    """A layer as it ran in one file.

    Attributes:
        milliseconds: a call.
        macs: multiply-accumulates of a call; ``None`` where it has no products.
        moved_bytes: read and written in a call, weights included.
        weight: its weight's shape, () without one.
        kernel: the operator, and whether it ran in onnxruntime's blocked layout: "Conv, blocked".
        nodes: how many are added up in it.
    """

    milliseconds: float
    macs: int | None
    moved_bytes: int
    weight: tuple[int, ...]
    kernel: str
    nodes: int = 1

    @property
    def operator(self) -> str:
        """The operator alone."""
        return self.kernel.removesuffix(BLOCKED)


def explain(original: LayerRun | None, candidate: LayerRun | None, *, native_block: int, fixed_ms: float) -> str:
    """Why the candidate's layer takes more than its share of the original's time; "" where it does not.

    ``None`` stands for a layer that a file has not. ``native_block`` is the number of channels that onnxruntime's
    convolutions handle at a time on this processor, ``fixed_ms`` the time of a node with next to nothing to do.
    """
    run = candidate or original
    if run is not None and run.operator in LAYOUT_CHANGES | TYPE_CHANGES:
        change = "layout change" if run.operator in LAYOUT_CHANGES else "type change"
        return change if run.nodes == 1 else f"{change}, {run.nodes} nodes"
    if original is None or candidate is None:
        return "only in the original" if candidate is None else "only in the candidate"
    moved = candidate.moved_bytes / original.moved_bytes if original.moved_bytes else 1.0
    unit, share = "bytes", moved
    if original.macs and candidate.macs is not None:
        unit, share = "MACs", candidate.macs / original.macs
    if _in_proportion(candidate, share * original.milliseconds):
        return ""
    took = f"{candidate.milliseconds / original.milliseconds:.0%} of the time" if original.milliseconds else "slower"
    varying_ms = max(0.0, original.milliseconds - fixed_ms)
    if cause := _shape_or_kernel(original, candidate, native_block):
        return cause
    if candidate.milliseconds <= 2 * fixed_ms or _in_proportion(candidate, fixed_ms + share * varying_ms):
        return f"too small to gain more: any node takes about {fixed_ms * 1e3:.0f} µs"
    waits = candidate.macs is not None and candidate.macs < _FEW_MACS * candidate.moved_bytes
    measured = native_block == _MEASURED_BLOCK and len(candidate.weight) > 2 and candidate.weight != original.weight
    note = f"{took} for {share:.0%} of the {unit}"
    if waits and _in_proportion(candidate, fixed_ms + moved * varying_ms):
        note = f"memory-bound: {took} for {moved:.0%} of the bytes"
    elif measured and candidate.weight[0] % _CHANNELS_AT_ONCE:
        note = f"{candidate.weight[0]} channels: {_CHANNELS_AT_ONCE} at a time are fastest"
    return note


def _shape_or_kernel(original: LayerRun, candidate: LayerRun, native_block: int) -> str:
    """Channels that were cut to an unsuitable number, another kernel, both or ""."""
    causes = []
    if candidate.weight != original.weight and len(candidate.weight) > 2:  # a convolution: [out, in / groups, h, w]
        written, read = candidate.weight[:2]  # onnxruntime pads both with zeros to whole blocks
        if written % native_block:
            causes.append(f"{written} channels: not a multiple of {native_block}")
        elif read > _IMAGE_CHANNELS and read % native_block:
            causes.append(f"reads {read} channels: not a multiple of {native_block}")
    if candidate.kernel + BLOCKED == original.kernel:
        causes.append("ran outside the blocked layout")
    elif candidate.kernel != original.kernel:
        causes.append(f"ran as {candidate.kernel}")
    return "; ".join(causes)


def _in_proportion(candidate: LayerRun, fair_ms: float) -> bool:
    return candidate.milliseconds <= max(_IN_PROPORTION * fair_ms, fair_ms + _CLOCK_MS)
