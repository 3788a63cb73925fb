import json
import logging
from logging.handlers import BufferingHandler
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from exporters.errors import ExportError
from exporters.read.cost import count_cost
from exporters.read.logits import check_parity
from exporters.write.artifact import write_model
from exporters.write.onnx_export import OPSETS, export_onnx
from models_zoo.torchvision_mend import torchvision
from tests.exporters.networks import CLASSES, SHAPE, BatchAsConstant, TwoOutputs, plain
from tests.exporters.variants import answers

METADATA = {"classes": json.dumps(["a", "b", "c", "d", "é"]), "compress": "0.1.0"}


def export(model: nn.Module, path: Path, *, opset: int = 18, shape: tuple[int, int, int] = SHAPE):
    return export_onnx(model, path, input_shape=shape, opset=opset, metadata=METADATA)


@pytest.fixture(scope="module")
def plain_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "plain.onnx"
    export(plain(), path)
    assert list(path.parent.iterdir()) == [path]
    return path


def test_names_shapes_and_a_free_batch(plain_file):
    graph = onnx.load(plain_file).graph
    (images,), (logits,) = graph.input, graph.output
    dims = [[dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (images, logits)]
    assert (images.name, logits.name) == ("images", "logits")
    assert dims == [["batch", *SHAPE], ["batch", CLASSES]]


def test_weights_are_inside(plain_file, tmp_path):
    moved = tmp_path / "alone.onnx"
    moved.write_bytes(plain_file.read_bytes())
    assert all(not tensor.external_data for tensor in onnx.load(moved, load_external_data=False).graph.initializer)
    assert moved.stat().st_size > sum(p.numel() * 4 for p in plain()[3].parameters())


def test_denormals_are_flushed_and_counted_in_the_file_alone(tmp_path):
    model = plain().train()
    model[1].eval()
    tiny = torch.finfo(torch.float32).tiny
    with torch.no_grad():
        model[7].weight[0, :4] = torch.tensor([tiny / 2, -tiny / 4, tiny, 0.0])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    artifact = export(model, tmp_path / "net.onnx")
    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load(artifact.path).graph.initializer}
    assert artifact.denormals_flushed == 2
    np.testing.assert_array_equal(weights["7.weight"][0, :4], np.array([0, 0, tiny, 0], np.float32))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training
    assert not model[1].training


def test_channels_last_in_memory_is_no_other_graph(plain_file, tmp_path):
    model = plain().to(memory_format=torch.channels_last)
    assert export(model, tmp_path / "last.onnx").path.read_bytes() == plain_file.read_bytes()
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_squeezenet_in_channels_last_needs_no_transpositions_and_is_as_large_as_its_weights(tmp_path):
    torch.manual_seed(0)
    model = torchvision.models.squeezenet1_1(weights=None, num_classes=CLASSES).to(memory_format=torch.channels_last)
    artifact = export(model, tmp_path / "net.onnx", shape=(3, 32, 32))
    kinds = {node.op_type for node in onnx.load(artifact.path).graph.node}
    assert kinds <= {"Conv", "Relu", "MaxPool", "Concat", "ReduceMean", "GlobalAveragePool", "Reshape", "Flatten"}
    parameters = sum(p.numel() for p in model.parameters())
    assert 4 * parameters * 0.99 < artifact.size_bytes < 4 * parameters + 200_000


@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_the_first_and_the_last_opset_are_written_counted_and_opened(tmp_path, capfd, opset):
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).eval()
    artifact = export(network, tmp_path / "network.onnx", opset=opset, shape=(1, 12, 12))
    assert "fallback" not in capfd.readouterr().err  # onnxscript's word where it cannot convert
    assert [(entry.domain, entry.version) for entry in onnx.load(artifact.path).opset_import] == [("", opset)]
    assert count_cost(artifact.path).macs == 4 * 9 * 10 * 10 + 4 * 3
    images = torch.randn(2, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    logits = torch.from_numpy(answers(artifact.path, images.numpy()))
    torch.testing.assert_close(logits, network(images), rtol=1e-4, atol=1e-5)


class TakesLength(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(SHAPE[0], CLASSES)

    def forward(self, images):
        return self.head(images.mean((2, 3)).view(len(images), -1))


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (plain, {"opset": 99}, "opset"),
        (plain, {"shape": (1, 16, 16)}, r"can trace on images \[1, 16, 16\], got RuntimeError: .*channels"),
        (BatchAsConstant, {}, r"a free batch size, got.*into a fixed number, as int\(\).*try x\.shape\[0\]"),
        (TwoOutputs, {}, "one tensor of logits"),
        (lambda: nn.Linear(30_000, 20_000, device="meta"), {},
         r"less than 2 GiB, all that one ONNX file can hold, got 2\.2 GiB"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported(network, options, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        export(network(), tmp_path / "net.onnx", **options)
    assert list(tmp_path.iterdir()) == []


def test_the_length_of_a_batch_stays_free(tmp_path):
    """A traced run has a number for ``len(images)``: the code itself is read then."""
    network = TakesLength().eval()
    artifact = export(network, tmp_path / "net.onnx")
    for count in (1, 3):
        images = torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(count))
        logits = torch.from_numpy(answers(artifact.path, images.numpy()))
        torch.testing.assert_close(logits, network(images), rtol=1e-4, atol=1e-5)


class DependsOnValues(TakesLength):
    def forward(self, images):
        means = images.mean((2, 3))
        return self.head(means) if means.sum() > 0 else self.head(-means)


def test_torch_writes_nothing_to_the_terminal(tmp_path, capsys):
    """It prints its graph of the forward, and logs on a logger with a handler of its own."""
    logger, kept = logging.getLogger("torch.fx.experimental.symbolic_shapes"), BufferingHandler(1000)
    logger.addHandler(kept)
    try:
        with pytest.raises(ExportError) as caught:
            export(DependsOnValues(), tmp_path / "net.onnx")
    finally:
        logger.removeHandler(kept)
    assert (capsys.readouterr(), kept.buffer) == (("", ""), [])
    (line,) = str(caught.value).splitlines()
    assert "(test_onnx_export.py, line " in line
    assert ", in forward); try torch.where in place of an `if`" in line


def test_a_missing_folder_is_an_os_error(plain_file, tmp_path):
    with pytest.raises(FileNotFoundError):
        write_model(onnx.load(plain_file), tmp_path / "nowhere" / "net.onnx", metadata={})


class Windows(nn.Module):
    """Attention inside windows, in five dimensions: batch, windows, heads, places, channels."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.head = nn.Conv2d(SHAPE[0], 3 * 8, 1), nn.Linear(8, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        rows = self.qkv(images).flatten(2).unflatten(2, (4, -1)).transpose(1, 2)  # batch, windows, 24, places
        query, key, value = rows.unflatten(2, (3, 2, 4)).transpose(-1, -2).unbind(2)
        found = functional.scaled_dot_product_attention(query, key, value)
        return self.head(found.transpose(2, 3).flatten(3).mean((1, 2)))


class TakesMany(nn.Sequential):
    def forward(self, *images: Tensor) -> Tensor:
        return super().forward(*images)


@pytest.mark.parametrize(
    "network", [Windows(), TakesMany(*plain()), TakesMany(Windows())], ids=["attention in 5-D", "*images", "both"]
)
def test_forms_that_the_exporter_does_not_take_as_they_are(network, tmp_path):
    path = export(network, tmp_path / "net.onnx").path
    assert check_parity(network, path, [torch.rand(3, *SHAPE)], threads=1).passed
