"""Hand-made ONNX classifiers, as other tools write them: a 1x1 convolution, the mean over the image, a matrix."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

FLOAT, FLOAT16, UINT8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
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
    nodes, now = [], "pixels"
    if wanted.dtype != FLOAT:
        nodes.append(helper.make_node("Cast", [now], ["real"], to=FLOAT))
        now = "real"
    if wanted.layout == "NHWC":
        nodes.append(helper.make_node("Transpose", [now], ["turned"], perm=[0, 3, 1, 2]))
        now = "turned"
    nodes += [
        helper.make_node("Conv", [now, "filters"], ["maps"], name="conv"),
        helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Gemm", ["flat", "matrix", "bias"], ["scores"], transB=1, name="head"),
    ]
    if wanted.softmax:
        nodes.append(helper.make_node("Softmax", ["scores"], ["chances"], axis=1))
    return model(
        nodes,
        inputs={"pixels": (wanted.dtype, wanted.shape)},
        outputs={"chances" if wanted.softmax else "scores": (FLOAT, [wanted.batch, wanted.classes])},
        stored=weights(wanted),
        metadata=metadata,
    )


def answer(images_BCHW: np.ndarray, wanted: Wanted | None = None) -> np.ndarray:
    """What the classifier gives, by numpy: its logits."""
    own = weights(wanted or Wanted())
    means = images_BCHW.mean((2, 3), dtype=np.float64) @ own["filters"][:, :, 0, 0].T
    return means @ own["matrix"].T + own["bias"]


def model(
    nodes: list[Any],
    *,
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, Any],
    stored: dict[str, np.ndarray] | None = None,
    metadata: dict[str, str] | None = None,
) -> ModelProto:
    """A model of any nodes; an output is (type, shape), or a ready ``ValueInfoProto``."""

    def value(name: str, what: Any) -> onnx.ValueInfoProto:
        return what if isinstance(what, onnx.ValueInfoProto) else helper.make_tensor_value_info(name, *what)

    graph = helper.make_graph(
        nodes,
        "hand-made",
        [value(name, what) for name, what in inputs.items()],
        [value(name, what) for name, what in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (stored or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("com.acme", 1)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="by hand")
    helper.set_model_props(proto, metadata or {})
    return proto


def recurrent(*, size: int = 8, classes: int = 3) -> ModelProto:
    """An LSTM of 5 numbers over the rows of a grey image, and a matrix."""
    return model(
        [
            helper.make_node("Squeeze", ["pixels", "second"], ["rows"]),
            helper.make_node("Transpose", ["rows"], ["steps"], perm=[1, 0, 2]),
            helper.make_node("LSTM", ["steps", "into", "over"], ["", "last"], hidden_size=5),
            helper.make_node("Squeeze", ["last", "first"], ["hidden"]),
            helper.make_node("MatMul", ["hidden", "matrix"], ["scores"]),
        ],
        inputs={"pixels": (FLOAT, ["n", 1, size, size])},
        outputs={"scores": (FLOAT, ["n", classes])},
        stored={
            "first": np.array([0]),
            "second": np.array([1]),
            "into": np.ones((1, 20, size), np.float32),
            "over": np.ones((1, 20, 5), np.float32),
            "matrix": np.ones((5, classes), np.float32),
        },
    )


def save(proto: ModelProto, path: Path) -> Path:
    """Write it in one file."""
    path.write_bytes(proto.SerializeToString())
    return path
