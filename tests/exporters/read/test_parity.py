import copy

import numpy as np
import onnx
import pytest
import torch

from exporters.errors import ExportError
from exporters.read.logits import ParityReport, check_parity, predict_logits
from exporters.write.onnx_export import export_onnx
from tests.exporters.networks import CLASSES, SHAPE, Joined, plain, random_images
from tests.exporters.variants import pooled, write_fp32


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return plain(), write_fp32(tmp_path_factory.mktemp("onnx") / "plain.onnx")


def test_a_file_answers_as_its_module(exported):
    model, path = exported
    model.train()
    report = check_parity(model, path, random_images(23).split(8), threads=1)
    assert report.images == report.argmax_agreeing == 23
    assert 0 <= report.max_abs_difference <= 1e-5
    assert report.passed
    assert all(module.training for module in model.modules())


def test_the_difference_is_the_largest_over_all_batches(exported):
    path, images, other = exported[1], random_images(20), copy.deepcopy(exported[0])
    with torch.no_grad():
        other[7].bias[2] += 0.5
        shifted = other.eval()(images).numpy()
    theirs = predict_logits(path, [images], threads=1)
    report = check_parity(other, path, images.split(6), threads=1)
    assert report.max_abs_difference == pytest.approx(0.5, abs=1e-5)
    assert report.argmax_agreeing == (shifted.argmax(1) == theirs.argmax(1)).sum() < 20
    assert not report.passed


@pytest.mark.parametrize("factor", [1.0, 1e5])
def test_the_tolerance_grows_with_the_logits(factor, exported, tmp_path):
    model, images = copy.deepcopy(exported[0]), random_images(8)
    graph = onnx.load(exported[1])
    head = next(tensor for tensor in graph.graph.initializer if tensor.name == "7.weight")
    with torch.no_grad():
        model[7].weight *= factor
        head.CopyFrom(onnx.numpy_helper.from_array(model[7].weight.numpy(), head.name))
        largest = float(model.eval()(images).abs().max())
    onnx.save(graph, tmp_path / "scaled.onnx")
    report = check_parity(model, tmp_path / "scaled.onnx", [images], threads=1)
    assert report.passed
    assert report.tolerance == pytest.approx(1e-4 * max(1.0, largest / 10))
    # The tolerance itself passes.
    assert ParityReport(images=1, max_abs_difference=1e-4, argmax_agreeing=1, tolerance=1e-4).passed


class TimesVector(torch.nn.Module):
    """Weighs the pixels by a learned vector over the channels; onnxruntime 1.31 fuses its product wrongly."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.vector = torch.nn.Conv2d(SHAPE[0], 8, 3), torch.nn.Parameter(torch.randn(8))
        self.head = torch.nn.Linear(8, CLASSES)

    def forward(self, images):
        pixels = self.stem(images).flatten(2).transpose(1, 2)
        weights = (pixels @ self.vector).softmax(1)
        return self.head((pixels * weights[..., None]).sum(1))


def test_a_fault_of_onnxruntimes_optimisations_is_called_that(tmp_path):
    path = export_onnx(TimesVector(), tmp_path / "net.onnx", input_shape=SHAPE, opset=18, metadata={}).path
    message = r"net.onnx differs by .+e-0[0-3], and by .+e-0[6-9] where onnxruntime's graph optimisations are off"
    with pytest.raises(ExportError, match=message):
        check_parity(TimesVector(), path, [random_images(4)], threads=1)


def test_wrong_requests_are_errors(exported):
    model, path = exported
    other = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, CLASSES + 1))
    images = random_images(2)
    for network, batches, message in (
        (model, [images * float("inf")], "finite"), (other, [images], "expected logits"),
        (model, [], "at least one batch"),
    ):  # fmt: skip
        with pytest.raises(ExportError, match=message):
            check_parity(network, path, batches, threads=1)


def test_predictions_keep_the_order_of_the_images(exported):
    model, path = exported
    images = random_images(17)
    with torch.no_grad():
        expected = model.eval()(images).numpy()
    logits = predict_logits(path, images.split(5), threads=2)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, atol=1e-5)


@pytest.mark.parametrize(("network", "name"), [(pooled, "pooled"), (Joined, "joined")])
def test_other_networks(network, name, tmp_path):
    model = network().to(memory_format=torch.channels_last)  # as the pipeline trains them
    report = check_parity(model, write_fp32(tmp_path / "net.onnx", name), random_images(6).split(4), threads=1)
    assert report.passed
    assert report.argmax_agreeing == 6
