"""Hand-made ONNX classifiers, as other tools write them: a 1x1 convolution, the mean over the image, a matrix."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
from onnx import ModelProto, TensorProto, numpy_helper

FLOAT, FLOAT16, UINT8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
_TYPES = {FLOAT: "float", FLOAT16: "float16", UINT8: "uint8"}
FILTERS = 4


@dataclass(frozen=True)
class Wanted:
    """What a hand-made classifier takes and gives."""

    layout: str = "NCHW"
    dtype: int = FLOAT
    batch: int | str = "n"
    channels: int | str = 3
    size: tuple[int | str, int | str] = (8, 8)
    classes: int = 5
    softmax: bool = False
    seed: int = 0

    @property
    def shape(self) -> list[int | str]:
        return (
            [self.batch, self.channels, *self.size]
            if self.layout == "NCHW"
            else [self.batch, *self.size, self.channels]
        )


def weights(wanted: Wanted) -> dict[str, np.ndarray]:
    random = np.random.default_rng(wanted.seed)
    channels = wanted.channels if isinstance(wanted.channels, int) else 3
    shapes = {"filters": (FILTERS, channels, 1, 1), "matrix": (wanted.classes, FILTERS), "bias": (wanted.classes,)}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def classifier(wanted: Wanted | None = None, *, metadata: dict[str, str] | None = None) -> ModelProto:
    """The model; ``answer`` says what it has to give."""
    wanted = wanted or Wanted()
    last = "chances" if wanted.softmax else "scores"
    real = "pixels" if wanted.dtype == FLOAT else "real"
    turned = "turned" if wanted.layout == "NHWC" else real
    return parse(
        f"""({_TYPES[wanted.dtype]}[{", ".join(map(str, wanted.shape))}] pixels)
        => (float[{wanted.batch}, {wanted.classes}] {last}) {{
        {"real = Cast<to = 1>(pixels)" if wanted.dtype != FLOAT else ""}
        {f"turned = Transpose<perm = [0, 3, 1, 2]>({real})" if wanted.layout == "NHWC" else ""}
        [conv] maps = Conv({turned}, filters)
        means = GlobalAveragePool(maps)
        flat = Flatten(means)
        [head] scores = Gemm<transB = 1>(flat, matrix, bias)
        {"chances = Softmax<axis = 1>(scores)" if wanted.softmax else ""} }}""",
        weights(wanted),
        metadata,
    )


def answer(images_BCHW: np.ndarray, wanted: Wanted | None = None) -> np.ndarray:
    """What the classifier gives, by numpy: its logits."""
    own = weights(wanted or Wanted())
    means = images_BCHW.mean((2, 3), dtype=np.float64) @ own["filters"][:, :, 0, 0].T
    return means @ own["matrix"].T + own["bias"]


def parse(graph: str, stored: dict[str, Any] | None = None, metadata: dict[str, str] | None = None) -> ModelProto:
    """A model in onnx's text form, "(float[n, 3] x) => (float[n, 3] y) { y = Relu(x) }", and its weights."""
    opsets = '"" : 17, "ai.onnx.ml" : 3, "com.acme" : 1'
    proto = onnx.parser.parse_model(f"<ir_version: 8, opset_import: [{opsets}]> by_hand {graph}")
    proto.producer_name = "by hand"
    proto.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(array), name) for name, array in (stored or {}).items()
    )
    onnx.helper.set_model_props(proto, metadata or {})
    return proto


def recurrent(*, size: int = 8, classes: int = 3) -> ModelProto:
    """An LSTM of 5 numbers over the rows of a grey image, and a matrix."""
    ones = {"into": (1, 20, size), "over": (1, 20, 5), "matrix": (5, classes)}
    return parse(
        f"""(float[n, 1, {size}, {size}] pixels) => (float[n, {classes}] scores) {{
        rows = Squeeze(pixels, second)
        steps = Transpose<perm = [1, 0, 2]>(rows)
        empty, last = LSTM<hidden_size = 5>(steps, into, over)
        hidden = Squeeze(last, first)
        scores = MatMul(hidden, matrix) }}""",
        {"first": np.array([0]), "second": np.array([1])}
        | {name: np.ones(shape, np.float32) for name, shape in ones.items()},
    )


def save(proto: ModelProto, path: Path) -> Path:
    """Write it in one file."""
    path.write_bytes(proto.SerializeToString())
    return path
