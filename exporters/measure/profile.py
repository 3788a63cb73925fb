"""Time per layer, original beside candidate, from onnxruntime's profiler, and why a layer gained less than its share.

The note on a layer is the first cause that applies; it is read off shapes and sizes, not measured by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from exporters.measure.calls import RunnableFile, calls_of
from exporters.measure.profile_nodes import BLOCKED, NodeTime, SourceGraph, time_nodes

_LAYOUT_CHANGES: Final = frozenset({"ReorderInput", "ReorderOutput", "Transpose"})
_TYPE_CHANGES: Final = frozenset({"Cast", "DequantizeLinear", "QuantizeLinear"})
_NEXT_TO_NOTHING: Final = 1000  # bytes
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
class LayerTime:
    """One layer of the original and the same layer of the candidate, in milliseconds a call.

    Times are means of the middle half of the calls, ``None`` where the file has no such layer.
    """

    layer: str  # name of its weights ("features.3.squeeze") or node; the operator of layout and type changes added up
    kind: str  # the operator as it ran: "Conv", "Gemm", "ReorderOutput"; "Conv -> QLinearConv" where it changed
    original_ms: float | None
    candidate_ms: float | None
    macs_kept: float | None  # the candidate's multiply-accumulates over the original's; ``None`` where it has none
    note: str  # see ``explain``


@dataclass(frozen=True)
class OperatorProfile:
    """Both files, profiled in turn on the same images; profiling slows a call, so compare shares, not sums.

    ``calls`` are those that the times are over; ``layers`` come in the original's order, then what only the
    candidate has.
    """

    batch_size: int
    threads: int
    calls: int
    layers: tuple[LayerTime, ...]


@dataclass(frozen=True)
class LayerRun:
    """A layer as it ran in one file."""

    milliseconds: float  # of a call
    macs: int | None  # multiply-accumulates of a call; ``None`` where it has no products
    moved_bytes: int  # read and written in a call, weights included
    weight: tuple[int, ...]  # its weight's shape, () without one
    kernel: str  # the operator, and whether it ran in onnxruntime's blocked layout: "Conv, blocked"
    nodes: int = 1  # how many are added up in it

    @property
    def operator(self) -> str:
        """The operator alone."""
        return self.kernel.removesuffix(BLOCKED)


def profile_operators(
    original: RunnableFile,
    candidate: RunnableFile,
    *,
    batch_size: int = 1,
    threads: int = 1,
    native_block: int = 16,
    seed: int = 0,
) -> OperatorProfile:
    """Profile two ONNX image classifiers, layer beside layer.

    Layers are the same where their weights have the same name, or their nodes, where they have none; in
    files from elsewhere few may match. ``native_block`` is the number of channels that onnxruntime's
    convolutions handle at a time on this processor. Errors are those of ``compare_latency``.
    """
    files = (original, candidate)
    calls, nodes = time_nodes([calls_of(file, batch_size=batch_size, seed=seed) for file in files], threads=threads)
    before, after = (
        _layers(ran, SourceGraph(file), batch_size=batch_size) for ran, file in zip(nodes, files, strict=True)
    )
    idle = [node.milliseconds for node in nodes[1] if node.moved_bytes < _NEXT_TO_NOTHING]
    fixed_ms = float(np.median(idle)) if idle else min((node.milliseconds for node in nodes[1]), default=0.0)
    layers = []
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        macs, macs_left = (run.macs if run else None for run in (one, other))
        layers.append(
            LayerTime(
                layer=name,
                kind=" -> ".join(dict.fromkeys(run.operator for run in (one, other) if run)),
                original_ms=one.milliseconds if one else None,
                candidate_ms=other.milliseconds if other else None,
                macs_kept=macs_left / macs if macs and macs_left is not None else None,
                note=explain(one, other, native_block=native_block, fixed_ms=fixed_ms),
            )
        )
    return OperatorProfile(batch_size=batch_size, threads=threads, calls=calls, layers=tuple(layers))


def _layers(nodes: Sequence[NodeTime], source: SourceGraph, *, batch_size: int) -> dict[str, LayerRun]:
    """Layers by name in the order they ran; all layout or type changes by one operator are one layer."""
    layers: dict[str, LayerRun] = {}
    for node in nodes:
        if node.operator in _LAYOUT_CHANGES | _TYPE_CHANGES:
            run = layers.get(node.operator) or LayerRun(0.0, None, 0, (), node.kernel, nodes=0)
            layers[node.operator] = replace(
                run,
                milliseconds=run.milliseconds + node.milliseconds,
                moved_bytes=run.moved_bytes + node.moved_bytes,
                nodes=run.nodes + 1,
            )
            continue
        layer = source.find(node.name, node.operator)
        name, number = layer.name, 2
        while name in layers:  # a layer that runs twice
            name, number = f"{layer.name} ({number})", number + 1
        macs = None if layer.macs is None else layer.macs * batch_size
        moved_bytes = node.moved_bytes + (0 if node.lists_weight else layer.weight_bytes)
        layers[name] = LayerRun(node.milliseconds, macs, moved_bytes, layer.weight, node.kernel)
    return layers


def explain(original: LayerRun | None, candidate: LayerRun | None, *, native_block: int, fixed_ms: float) -> str:
    """Why the candidate's layer takes more than its share of the original's time; "" where it does not.

    ``None`` stands for a layer that a file has not. ``native_block`` is the number of channels that onnxruntime's
    convolutions handle at a time on this processor, ``fixed_ms`` the time of a node with next to nothing to do.
    """
    run = candidate or original
    if run is not None and run.operator in _LAYOUT_CHANGES | _TYPE_CHANGES:
        change = "layout change" if run.operator in _LAYOUT_CHANGES else "type change"
        return change if run.nodes == 1 else f"{change}, {run.nodes} nodes"
    if original is None or candidate is None:
        return "only in the original" if candidate is None else "only in the candidate"
    moved = candidate.moved_bytes / original.moved_bytes if original.moved_bytes else 1.0
    unit, share = "bytes", moved
    if original.macs and candidate.macs is not None:
        unit, share = "MACs", candidate.macs / original.macs
    if _in_proportion(candidate, share * original.milliseconds):
        return ""
    if cause := _shape_or_kernel(original, candidate, native_block):
        return cause
    varying_ms = max(0.0, original.milliseconds - fixed_ms)
    if candidate.milliseconds <= 2 * fixed_ms or _in_proportion(candidate, fixed_ms + share * varying_ms):
        return f"too small to gain more: any node takes about {fixed_ms * 1e3:.0f} µs"
    took = f"{candidate.milliseconds / original.milliseconds:.0%} of the time" if original.milliseconds else "slower"
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
