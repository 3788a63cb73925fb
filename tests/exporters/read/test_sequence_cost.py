"""Recurrent layers and attention cost the same by hand, in torch and in the file."""

import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from compress.channels.costs import products_per_image
from exporters.read.onnx_cost import count_cost
from exporters.write.onnx_export import export_onnx
from tests.exporters.numbered import numbered


class Steps(nn.Module):
    """A recurrent layer over the 7 rows of an image, 6 pixels a step, and a head on its last answer."""

    def __init__(self, kind: type[nn.RNNBase], **kinds: object) -> None:
        super().__init__()
        self.layer = kind(6, 5, batch_first=True, **kinds)
        self.head = nn.Linear(5 * (2 if self.layer.bidirectional else 1), 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(images[:, 0])[0][:, -1])


# gates x hidden x (inputs + hidden) at each of 7 steps; a second layer takes the answers of all directions
RECURRENT = {
    "LSTM": (nn.LSTM, {}, 7 * 4 * 5 * (6 + 5) + 5 * 3),
    "LSTM without bias": (nn.LSTM, {"bias": False}, 7 * 4 * 5 * (6 + 5) + 5 * 3),
    "LSTM of two layers": (nn.LSTM, {"num_layers": 2}, 7 * 4 * 5 * (6 + 5 + 5 + 5) + 5 * 3),
    "LSTM both ways, of two layers": (
        nn.LSTM, {"bidirectional": True, "num_layers": 2}, 7 * 2 * 4 * 5 * (6 + 5 + 10 + 5) + 10 * 3,
    ),
    "GRU": (nn.GRU, {}, 7 * 3 * 5 * (6 + 5) + 5 * 3),
    "GRU both ways": (nn.GRU, {"bidirectional": True}, 7 * 2 * 3 * 5 * (6 + 5) + 10 * 3),
    "RNN": (nn.RNN, {}, 7 * 5 * (6 + 5) + 5 * 3),
}  # fmt: skip


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers_by_hand_in_torch_and_in_the_file(name, tmp_path):
    kind, kinds, macs = RECURRENT[name]
    network, path = numbered(Steps(kind, **kinds)), tmp_path / "net.onnx"
    export_onnx(network, path, input_shape=(1, 7, 6), opset=18, metadata={})
    if kind is nn.GRU:
        nodes = [node for node in onnx.load(path).graph.node if node.op_type == "GRU"]
        assert [helper.get_node_attr_value(node, "linear_before_reset") for node in nodes] == [1]
    cost = count_cost(path)
    assert cost.macs == sum(
        layer_macs for _operator, layer_macs in products_per_image(network, torch.zeros(1, 1, 7, 6))
    )
    assert (cost.macs, cost.parameters) == (macs, sum(p.numel() for p in network.parameters()))


@pytest.mark.parametrize("opset", [18, 23])
def test_attention_as_products_and_as_one_node(opset, tmp_path):
    class Attending(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            rows = images.reshape(images.shape[0], 2, 7, 4)  # 2 heads
            return nn.functional.scaled_dot_product_attention(rows, rows, rows).mean((1, 2))

    path = tmp_path / "net.onnx"
    export_onnx(Attending(), path, input_shape=(1, 7, 8), opset=opset, metadata={})
    assert count_cost(path).macs == 2 * 7 * 7 * (4 + 4)
