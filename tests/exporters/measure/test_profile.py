"""What runs, under which name and with which share of the products; times only where they must be positive."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from exporters.measure.calls import RunnableFile
from exporters.measure.profile import LayerTime, OperatorProfile, profile_operators
from exporters.measure.profile_nodes import SourceGraph
from exporters.write.onnx_export import export_onnx
from tests.exporters.networks import SHAPE
from tests.exporters.onnx_files import UINT8, Wanted, classifier, parse, save
from tests.exporters.variants import write_fp32


class Fire(nn.Module):
    """A convolution, two side by side that are joined, and a matrix; ``left`` is cut."""

    def __init__(self, *, left: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1)
        self.left = nn.Conv2d(32, left, 1)
        self.right = nn.Conv2d(32, 32, 3, padding=1)
        self.head = nn.Linear(left + 32, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.relu(self.stem(images))
        x = torch.cat([torch.relu(self.left(x)), torch.relu(self.right(x))], 1)
        return self.head(x.mean((2, 3)))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("onnx")
    return {
        left: export_onnx(Fire(left=left), folder / f"{left}.onnx", input_shape=SHAPE, opset=18, metadata={}).path
        for left in (32, 16)
    }


def named(profile: OperatorProfile) -> dict[str, LayerTime]:
    return {layer.layer: layer for layer in profile.layers}


def test_layers_beside_each_other(files, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    profile = profile_operators(RunnableFile(files[32], 16), RunnableFile(files[16], 16), batch_size=2)
    assert (profile.batch_size, profile.threads) == (2, 1)
    assert profile.calls >= 50
    layers = named(profile)
    assert next(iter(layers)) == "stem"
    kept = {name: layers[name].macs_kept for name in ("stem", "left", "right", "head")}
    assert kept == {"stem": 1.0, "left": 0.5, "right": 1.0, "head": 48 / 64}
    assert layers["left"].kind == "Conv"
    assert layers["cat"].kind == "Concat"
    assert layers["cat"].macs_kept is None
    assert all(layer.original_ms > 0 and layer.candidate_ms > 0 for layer in profile.layers)
    assert list(tmp_path.iterdir()) == []  # onnxruntime's files are gone


def test_a_layer_takes_longer_with_more_to_do(files):
    layers = named(profile_operators(RunnableFile(files[32], 16), RunnableFile(files[16], 16), batch_size=8))
    assert layers["right"].original_ms > 2 * layers["left"].original_ms  # 9 times the products
    assert layers["right"].original_ms > 2 * layers["head"].original_ms


def test_unlike_networks_match_nothing_but_the_kinds_added_up(files, tmp_path):
    other = write_fp32(tmp_path / "plain.onnx")
    profile = profile_operators(RunnableFile(files[32], 16), RunnableFile(other, 16))
    one_sided = [layer for layer in profile.layers if None in (layer.original_ms, layer.candidate_ms)]
    assert {"stem", "left", "right", "head"} <= {layer.layer for layer in one_sided if layer.candidate_ms is None}
    assert {"0", "3", "7"} <= {layer.layer for layer in one_sided if layer.original_ms is None}
    assert {layer.note for layer in one_sided if layer.macs_kept is None} >= {"only in the original"}


def test_quantised_layers_and_type_changes(tmp_path):
    quantised = quantised_head(tmp_path / "int8.onnx")
    layers = named(profile_operators(RunnableFile(quantised), RunnableFile(quantised)))
    assert layers["head"].macs_kept == 1.0
    changes = layers["DequantizeLinear"]
    assert changes.note.startswith("type change")
    assert changes.macs_kept is None


def test_files_made_by_hand_without_names(tmp_path):
    proto = classifier(Wanted(layout="NHWC", dtype=UINT8, size=("h", "w")))
    for node in proto.graph.node:
        node.ClearField("name")
    file = save(proto, tmp_path / "file.onnx")
    profile = profile_operators(RunnableFile(file, 8), RunnableFile(file, 8))
    assert sum(layer.original_ms for layer in profile.layers) > 0
    assert {layer.kind for layer in profile.layers} >= {"Conv", "Cast"}


@pytest.mark.parametrize(
    ("ran_as", "operator", "name"),
    [
        ("relu_nchwc_kernel_time", "Conv", "stem"),
        ("relu_1_nchwc_kernel_time", "Conv", "left"),
        ("fused node_linear_kernel_time", "FusedGemm", "head"),
        ("node_linear_token_12_kernel_time", "Gemm", "head"),
        ("node_cat_kernel_time", "Concat", "cat"),
        ("node_cat_token_3/duplicated_kernel_time", "Concat", "cat"),
        ("ReorderOutput_kernel_time", "ReorderOutput", "ReorderOutput"),
        ("_kernel_time", "Softmax", "Softmax"),
    ],
)
def test_names_as_onnxruntime_changes_them(files, ran_as, operator, name):
    layer = SourceGraph(RunnableFile(files[16], 16)).find(ran_as, operator)
    assert layer.name == name
    expected = {"stem": 32 * 27 * 256, "left": 16 * 32 * 256, "head": 48 * 5}
    assert layer.macs == expected.get(name)
    if name == "left":
        assert (layer.weight, layer.weight_bytes) == ((16, 32, 1, 1), 16 * 32 * 4)


def quantised_head(path: Path) -> Path:
    """A mean over the pixels, and a matrix whose weights are stored in 8 bits."""
    proto = parse(
        """(float[n, 3, 8, 8] images) => (float[n, 5] logits) {
        [images_quantized] bytes = QuantizeLinear(images, scale, zero)
        [images_again] pixels_again = DequantizeLinear(bytes, scale, zero)
        [pool] pooled = ReduceMean<axes = [2, 3], keepdims = 0>(pixels_again)
        [w] weight = DequantizeLinear("head.weight_quantized", scale, weight_zero)
        [product] logits = MatMul(pooled, weight) }""",
        {
            "head.weight_quantized": np.arange(3 * 5, dtype=np.int8).reshape(3, 5),
            "scale": np.float32(0.01),
            "zero": np.uint8(0),
            "weight_zero": np.int8(0),
        },
    )
    return save(proto, path)


def test_a_file_of_constants_alone_has_no_rows(tmp_path):
    """onnxruntime computes it when it opens the file; nothing is left to be timed."""
    graph = "(float[n, 3, 8, 8] images) => (float[1, 5] logits) { logits = Identity(scores) }"
    file = save(parse(graph, {"scores": np.ones((1, 5), np.float32)}), tmp_path / "constant.onnx")
    profile = profile_operators(RunnableFile(file), RunnableFile(file))
    assert all(layer.macs_kept is None for layer in profile.layers)
