"""Where the time goes: onnxruntime's profile per layer, original beside candidate."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerTime:
    """One layer of the original and what became of it, in milliseconds a call.

    Attributes:
        layer: the layer's name, from its weights where it has any ("features.3.squeeze"), else the node's.
        kind: the operator as it ran: "Conv", "Gemm", "ReorderOutput".
        original_ms: median time in the original; ``None`` where it has no such layer.
        candidate_ms: median time in the candidate; ``None`` where it has no such layer.
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
        calls: calls that the medians are over.
        layers: in the original's order, then what only the candidate has.
    """

    batch_size: int
    threads: int
    calls: int
    layers: tuple[LayerTime, ...]
