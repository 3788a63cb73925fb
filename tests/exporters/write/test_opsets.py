"""The operator sets that networks may be written in are those that open."""

import onnxruntime
import pytest
import torch
from torch import nn

from exporters.read.onnx_cost import count_cost
from exporters.write.onnx_export import export_onnx
from exporters.write.opsets import OPSETS


@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_the_first_and_the_last_are_written_counted_and_opened(tmp_path, capfd, opset):
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).eval()
    file = tmp_path / "network.onnx"
    assert export_onnx(network, file, input_shape=(1, 12, 12), opset=opset, metadata={}).opset == opset
    assert "fallback" not in capfd.readouterr().err  # what onnxscript says where it cannot convert
    assert count_cost(file).macs == 4 * 9 * 10 * 10 + 4 * 3
    images = torch.randn(2, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    (logits,) = onnxruntime.InferenceSession(str(file)).run(None, {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), network(images), rtol=1e-4, atol=1e-5)
