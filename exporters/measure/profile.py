"""Where the time goes: onnxruntime's profile per layer, original beside candidate."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from exporters.measure.calls import RunnableFile, calls_of
from exporters.measure.profile_notes import LAYOUT_CHANGES, TYPE_CHANGES, LayerCost, explain, group_note
from exporters.measure.profile_sources import SourceGraph
from exporters.measure.profile_trace import NodeTime, Trace, trace_operators


@dataclass(frozen=True)
class LayerTime:
    """One layer of the original and what became of it, in milliseconds a call.

    Attributes:
        layer: the layer's name, from its weights where it has any ("features.3.squeeze"), else the node's;
            the operator's, where all layout or type changes of a kind are added up.
        kind: the operator as it ran: "Conv", "Gemm", "ReorderOutput"; "Conv -> QLinearConv" where it changed.
        original_ms: its time in the original, the mean of the middle half of the calls; ``None`` where
            it has no such layer.
        candidate_ms: its time in the candidate; ``None`` where it has no such layer.
        macs_kept: the candidate's multiply-accumulates in this layer as a fraction of the original's;
            ``None`` where it has none.
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

    Attributes:
        batch_size: images in a call.
        threads: of onnxruntime.
        calls: calls that the times are over.
        layers: in the original's order, then what only the candidate has.
    """

    batch_size: int
    threads: int
    calls: int
    layers: tuple[LayerTime, ...]


@dataclass(frozen=True)
class _Row:
    """A layer of one file as it ran; ``nodes`` were added up in it."""

    kind: str
    cost: LayerCost
    nodes: int = 1


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

    Layers are the same where their weights have the same name, or their nodes, where they have none;
    in files from elsewhere few may match.

    Args:
        original: the file to compare with.
        candidate: the file that should be faster.
        batch_size: images in a call.
        threads: of onnxruntime.
        native_block: channels that onnxruntime's convolutions handle at a time on this processor.
        seed: of the images.

    Raises:
        OnnxFileError: a file cannot be opened, or is no image classifier.
        CallError: a file does not take this batch size, or needs an image size, or fails on its images.
        MachineError: there is not enough memory.
    """
    files = (original, candidate)
    traces = trace_operators([calls_of(file, batch_size=batch_size, seed=seed) for file in files], threads=threads)
    before, after = (
        _rows(trace, SourceGraph(file), batch_size=batch_size) for trace, file in zip(traces, files, strict=True)
    )
    fixed_ms = traces[1].fixed_ms
    layers = tuple(
        _layer_time(name, before.get(name), after.get(name), native_block=native_block, fixed_ms=fixed_ms)
        for name in dict.fromkeys((*before, *after))
    )
    return OperatorProfile(batch_size=batch_size, threads=threads, calls=traces[0].calls, layers=layers)


def _rows(trace: Trace, source: SourceGraph, *, batch_size: int) -> dict[str, _Row]:
    """Layers by name in the order they ran; what only changes layout or type is added up by operator."""
    rows: dict[str, _Row] = {}
    for node in trace.nodes:
        if node.operator in LAYOUT_CHANGES | TYPE_CHANGES:
            rows[node.operator] = _added_up(rows.get(node.operator), node)
        else:
            layer = source.find(node.name, node.operator)
            cost = LayerCost(
                milliseconds=node.milliseconds,
                macs=None if layer.macs is None else layer.macs * batch_size,
                moved_bytes=node.moved_bytes + (0 if node.lists_weight else layer.weight_bytes),
                weight=layer.weight,
                kernel=node.kernel,
            )
            rows[_unused(layer.name, rows)] = _Row(node.operator, cost)
    return rows


def _added_up(row: _Row | None, node: NodeTime) -> _Row:
    if row is None:
        return _Row(node.operator, LayerCost(node.milliseconds, None, node.moved_bytes, (), node.kernel))
    cost = replace(
        row.cost,
        milliseconds=row.cost.milliseconds + node.milliseconds,
        moved_bytes=row.cost.moved_bytes + node.moved_bytes,
    )
    return _Row(row.kind, cost, row.nodes + 1)


def _unused(name: str, used: Iterable[str]) -> str:
    """The name, numbered where a layer runs twice."""
    taken, number, free = set(used), 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def _layer_time(
    name: str, original: _Row | None, candidate: _Row | None, *, native_block: int, fixed_ms: float
) -> LayerTime:
    kinds = list(dict.fromkeys(row.kind for row in (original, candidate) if row))
    costs = [row.cost if row else None for row in (original, candidate)]
    if kinds[-1] in LAYOUT_CHANGES | TYPE_CHANGES:
        note = group_note(kinds[-1], (candidate or original or _NONE).nodes)
    else:
        note = explain(*costs, native_block=native_block, fixed_ms=fixed_ms)
    before, after = (cost.macs if cost else None for cost in costs)
    return LayerTime(
        layer=name,
        kind=" -> ".join(kinds),
        original_ms=original.cost.milliseconds if original else None,
        candidate_ms=candidate.cost.milliseconds if candidate else None,
        macs_kept=after / before if before and after is not None else None,
        note=note,
    )


_NONE = _Row("", LayerCost(0.0, None, 0, (), ""), nodes=0)
