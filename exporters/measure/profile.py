"""Time per layer, original beside candidate, from onnxruntime's profiler."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from exporters.measure.calls import RunnableFile, calls_of
from exporters.measure.profile_nodes import NodeTime, SourceGraph, time_nodes
from exporters.measure.profile_notes import LAYOUT_CHANGES, TYPE_CHANGES, LayerRun, explain

_NEXT_TO_NOTHING = 1000  # bytes


@dataclass(frozen=True)
class LayerTime:
    """One layer of the original and the same layer of the candidate, in milliseconds a call.

    Attributes:
        layer: the layer's name, from its weights where it has any ("features.3.squeeze"), else the node's;
            the operator's, where all layout or type changes of a kind are added up.
        kind: the operator as it ran: "Conv", "Gemm", "ReorderOutput"; "Conv -> QLinearConv" where it changed.
        original_ms: mean of the middle half of the calls; ``None`` where the original has no such layer,
            as ``candidate_ms`` where the candidate has none.
        macs_kept: the candidate's multiply-accumulates as a fraction of the original's; ``None`` where it has none.
        note: why it did not get faster in proportion: "30 channels: not a multiple of 16", "memory-bound",
            "layout change"; empty where there is nothing to say.
    """

    layer: str
    kind: str
    original_ms: float | None
    candidate_ms: float | None
    macs_kept: float | None
    note: str


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
    fixed_ms = _fixed_milliseconds(nodes[1])
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


def _fixed_milliseconds(nodes: Sequence[NodeTime]) -> float:
    """The time of a node with next to nothing to do."""
    idle = [node.milliseconds for node in nodes if node.moved_bytes < _NEXT_TO_NOTHING]
    return float(np.median(idle)) if idle else min((node.milliseconds for node in nodes), default=0.0)


def _layers(nodes: Sequence[NodeTime], source: SourceGraph, *, batch_size: int) -> dict[str, LayerRun]:
    """Layers by name in the order they ran; all layout or type changes by one operator are one layer."""
    layers: dict[str, LayerRun] = {}
    for node in nodes:
        if node.operator in LAYOUT_CHANGES | TYPE_CHANGES:
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
        layers[name] = LayerRun(
            milliseconds=node.milliseconds,
            macs=None if layer.macs is None else layer.macs * batch_size,
            moved_bytes=node.moved_bytes + (0 if node.lists_weight else layer.weight_bytes),
            weight=layer.weight,
            kernel=node.kernel,
        )
    return layers
