"""A float32 file, prepared once and quantised in as many ways as wanted: static QDQ, a scale for each channel."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import numpy as np
from onnx import ModelProto
from onnxruntime.quantization import QDQQuantizer, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor

from exporters.errors import ExportError, kind_of, reason_of
from exporters.int8 import graph
from exporters.int8.calibrators import Calibrator, Rule
from exporters.int8.layers import WEIGHTED, Layer, float_nodes, layers_of
from exporters.read.onnx_file import read_onnx
from exporters.write.scratch import scratch_folder

logging.getLogger("onnxruntime.quantization").setLevel(logging.CRITICAL)  # it logs what it also raises
logging.getLogger().addFilter(lambda record: "onnxruntime" not in Path(record.pathname).parts)  # or logs there

Made = TypeVar("Made")
Batches = Iterable[np.ndarray | Tensor]
"""Images as a float32 file takes them, float32 [B, C, H, W]."""

_QUANTIZED: Final = (
    "Add", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "LeakyRelu", "MatMul",
    "MaxPool", "Mul", "Pad", "Relu", "Reshape", "Sigmoid", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip


@dataclass(frozen=True)
class Int8Types:
    """Types for a kind of processor: x86 is fastest with uint8 activations, ARM with int8.

    Signed activations took five times as long as unsigned ones on an x86 processor.
    ``reduce_range``: weights in 7 bits, for x86 processors whose 8-bit products overflow (AVX2 without VNNI).
    """

    activations: Literal["uint8", "int8"] = "uint8"
    reduce_range: bool = False


@dataclass(frozen=True)
class Calibration:
    """The ranges of a file's tensors by each rule, and how many images they were seen on."""

    ranges: Mapping[Rule, TensorsData]
    images: int


class FloatFile:
    """A float32 file, ready to be quantised: BatchNorm fused, every node with a name of its own.

    OnnxFileError if it cannot be read, ExportError if it has nothing to quantise or is quantised already.
    """

    def __init__(self, source: Path, types: Int8Types) -> None:
        self.source, self.types = source, types
        self.model = read_onnx(source).model
        operators = {node.op_type for node in self.model.graph.node}
        if not operators & set(WEIGHTED) or "QuantizeLinear" in operators:
            raise ExportError(
                f"expected a float32 file with a convolution or linear layer, {source} has {sorted(operators)}; "
                "try the fp32 file of the network"
            )
        self._prepared = self._prepare()
        self.layers: tuple[Layer, ...] = layers_of(self._prepared)

    @property
    def prepared(self) -> ModelProto:
        """A copy of the prepared graph, in float32."""
        copy = ModelProto()
        copy.CopyFrom(self._prepared)
        return copy

    def calibrate(self, batches: Batches, rules: Sequence[Rule]) -> Calibration:
        """Run calibration images through the file, once; ExportError if there are none, or it does not take them.

        A rule that fails is left out; ExportError if none is left.
        """
        symmetric, name, images = self.types.activations == "int8", self.model.graph.input[0].name, 0
        with scratch_folder() as folder:
            prepared = folder / "prepared.onnx"
            prepared.write_bytes(self._prepared.SerializeToString())
            with self._faults():
                calibrators = {rule: Calibrator(rule, prepared, _QUANTIZED, symmetric=symmetric) for rule in rules}
            for batch in batches:
                feed = {name: np.ascontiguousarray(np.asarray(batch), dtype=np.float32)}
                self._each(calibrators, lambda one, feed=feed: one.see(feed))  # type: ignore[misc]
                images += len(batch)
            if not images:
                raise ExportError("expected at least one batch of calibration images, got none")
            return Calibration(self._each(calibrators, Calibrator.ranges), images)

    def _each(self, calibrators: dict[Rule, Calibrator], step: Callable[[Calibrator], Made]) -> dict[Rule, Made]:
        """What a step gives with every calibrator; one that fails is removed, but not the last."""
        made = {}
        for rule, calibrator in [*calibrators.items()]:
            try:
                with self._faults():
                    made[rule] = step(calibrator)
            except ExportError:
                if len(calibrators) == 1:
                    raise
                del calibrators[rule]
        return made

    def quantised(self, ranges: TensorsData, *, in_float: Collection[str] = ()) -> ModelProto:
        """The INT8 graph, in which these layers stay in float32, and so do the logits.

        The logits, because 256 steps would give different classes the same score.
        """
        model = self.prepared
        excluded = float_nodes(model, in_float)
        graph.move_pools_ahead(model, excluded)
        made = self._quantize(model, ranges, nodes_to_exclude=excluded)
        graph.keep_logits_float(made)
        graph.share_concat_scales(made)
        graph.drop_unused_domains(made)
        return made

    def only(self, ranges: TensorsData, layer: Layer) -> ModelProto:
        """The float32 graph with one layer in INT8."""
        made = self._quantize(self.prepared, ranges, nodes_to_quantize=list(layer.nodes))
        graph.keep_logits_float(made)
        return made

    def _quantize(self, model: ModelProto, ranges: TensorsData, **which: list[str]) -> ModelProto:
        nodes: dict[str, list[str]] = {"nodes_to_quantize": [], "nodes_to_exclude": []} | which
        with self._faults():
            quantizer = QDQQuantizer(
                model,
                per_channel=True,  # one scale for a layer's weights saved 1 % of the time
                reduce_range=self.types.reduce_range,
                weight_qType=QuantType.QInt8,
                activation_qType=QuantType.QInt8 if self.types.activations == "int8" else QuantType.QUInt8,
                tensors_range=ranges,
                op_types_to_quantize=list(_QUANTIZED),
                extra_options={"ActivationSymmetric": self.types.activations == "int8"},
                **nodes,
            )
            quantizer.quantize_model()
            quantizer.model.topological_sort()
            return quantizer.model.model

    def _prepare(self) -> ModelProto:
        with scratch_folder() as folder:
            prepared = folder / "prepared.onnx"
            with self._faults():
                quant_pre_process(self.source, prepared, skip_symbolic_shape=True)  # fuses BatchNorm, infers shapes
            model = read_onnx(prepared).model
        counts = Counter(node.name for node in model.graph.node)
        for place, node in enumerate(model.graph.node):
            if not node.name or counts[node.name] > 1:
                node.name = f"{node.op_type}_{place}_of_{node.output[0]}"  # outputs have names of their own
        return model

    def _faults(self) -> "_Faults":
        return _Faults(self.source)


class _Faults:
    """onnxruntime's quantiser raises what its parts happen to raise: an ExportError about the file instead."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is None or isinstance(error, OSError | ExportError) or not isinstance(error, Exception):
            return  # a full disk is not the file's fault
        reason = reason_of(error)
        message = f"expected a file that onnxruntime can quantise, {self._source} gives: {reason}"
        raise kind_of(reason, ExportError)(message) from error
