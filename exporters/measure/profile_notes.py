"""Why a layer did not get faster in proportion to its multiply-accumulates.

Each note is the first cause that applies; it is read off shapes and sizes, not measured apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass

# Rows of these operators, all of a kind together: they compute nothing.
LAYOUT_CHANGES = frozenset({"ReorderInput", "ReorderOutput", "Transpose"})
TYPE_CHANGES = frozenset({"Cast", "DequantizeLinear", "QuantizeLinear"})

BLOCKED = ", blocked"
"""After the name of an operator that ran in onnxruntime's blocked layout."""

_IN_PROPORTION = 1.25  # times the time that the kept share of the products would take
_CLOCK_MS = 0.0015  # onnxruntime's profile counts whole microseconds
_FEW_PRODUCTS = 2.0  # per byte moved; below, the processor may wait for memory
_IMAGE_CHANNELS = 4
# Output channels that share one read of the input. Measured with blocks of 16 (AVX-512, 3x3 convolutions
# of 16 channels): 16 channels took 24 µs, 17 to 32 took 33, 48 took 42, 64 took 53, 80 took 74. Of
# processors with other blocks nothing is known, so nothing is said.
_MEASURED_BLOCK = 16
_CHANNELS_AT_ONCE = 64


@dataclass(frozen=True)
class LayerCost:
    """What a layer took in one file, and what it had to do.

    Attributes:
        milliseconds: a call.
        macs: multiply-accumulates of a call; ``None`` where it has no products.
        moved_bytes: read and written in a call, weights included.
        weight: its weight's shape, () without one.
        kernel: the operator as it ran, and whether in onnxruntime's blocked layout: "Conv, blocked".
    """

    milliseconds: float
    macs: int | None
    moved_bytes: int
    weight: tuple[int, ...]
    kernel: str


def group_note(kind: str, nodes: int) -> str:
    """Of all layout or type changes of a kind together."""
    what = "layout change" if kind in LAYOUT_CHANGES else "type change"
    return what if nodes == 1 else f"{what}, {nodes} nodes"


def explain(original: LayerCost | None, candidate: LayerCost | None, *, native_block: int, fixed_ms: float) -> str:
    """Why the candidate's layer takes more than its share; "" where it does not.

    Args:
        original: the layer in the original, ``None`` where it has none.
        candidate: the layer in the candidate, ``None`` where it has none.
        native_block: channels that onnxruntime's convolutions handle at a time on this processor.
        fixed_ms: what any node takes in the candidate.
    """
    if original is None or candidate is None:
        return "only in the original" if candidate is None else "only in the candidate"
    if original.macs and candidate.macs is not None:
        work = _Work("MACs", candidate.macs / original.macs)
    else:
        work = _Work("bytes", _bytes_kept(original, candidate))
    if _in_proportion(candidate, work.share * original.milliseconds):
        return ""
    return next(cause for cause in _causes(original, candidate, work, native_block, fixed_ms) if cause)


@dataclass(frozen=True)
class _Work:
    """What the candidate has to do as a share of what the original has, and in what it is counted."""

    unit: str
    share: float


def _causes(
    original: LayerCost, candidate: LayerCost, work: _Work, native_block: int, fixed_ms: float
) -> Iterator[str]:
    """Each cause that applies or ""; the last always does."""
    cut = candidate.weight != original.weight
    zeros = _zeros_added(candidate.weight, native_block) if cut else ""
    yield "; ".join(cause for cause in (zeros, _other_kernel(original, candidate)) if cause)
    varying_ms = max(0.0, original.milliseconds - fixed_ms)
    if candidate.milliseconds <= 2 * fixed_ms or _in_proportion(candidate, fixed_ms + work.share * varying_ms):
        yield f"too small to gain more: any node takes about {fixed_ms * 1e3:.0f} µs"
    taken = f"{candidate.milliseconds / original.milliseconds:.0%} of the time" if original.milliseconds else "slower"
    moved = _bytes_kept(original, candidate)
    waits = candidate.macs is not None and candidate.macs < _FEW_PRODUCTS * candidate.moved_bytes
    if waits and _in_proportion(candidate, fixed_ms + moved * varying_ms):
        yield f"memory-bound: {taken} for {moved:.0%} of the bytes"
    blocked = native_block == _MEASURED_BLOCK and len(candidate.weight) > 2
    if cut and blocked and candidate.weight[0] % _CHANNELS_AT_ONCE:
        yield f"{candidate.weight[0]} channels: {_CHANNELS_AT_ONCE} at a time are fastest"
    yield f"{taken} for {work.share:.0%} of the {work.unit}"


def _bytes_kept(original: LayerCost, candidate: LayerCost) -> float:
    return candidate.moved_bytes / original.moved_bytes if original.moved_bytes else 1.0


def _other_kernel(original: LayerCost, candidate: LayerCost) -> str:
    if candidate.kernel == original.kernel:
        return ""
    if candidate.kernel + BLOCKED == original.kernel:
        return "ran outside the blocked layout"
    return f"ran as {candidate.kernel}"


def _in_proportion(candidate: LayerCost, fair_ms: float) -> bool:
    return candidate.milliseconds <= max(_IN_PROPORTION * fair_ms, fair_ms + _CLOCK_MS)


def _zeros_added(weight: tuple[int, ...], block: int) -> str:
    """Of a convolution [out, in / groups, h, w] whose channels are filled up with zeros to whole blocks."""
    if len(weight) <= 2:
        return ""
    written, read = weight[:2]
    if written % block:
        return f"{written} channels: not a multiple of {block}"
    if read > _IMAGE_CHANNELS and read % block:
        return f"reads {read} channels: not a multiple of {block}"
    return ""
