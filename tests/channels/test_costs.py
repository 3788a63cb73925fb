"""What a network costs, counted in torch: products without a layer, and parameters that are not trained."""

import pytest
import torch
from torch import Tensor, nn

from compress.channels.costs import build_cost_model, products_per_image
from compress.channels.units import find_units
from compress.structure.plan import plan_from_state
from compress.structure.remove import cut
from tests.helpers.networks import built, image_batch


class Bare(nn.Module):
    """Products that no nn.Conv2d or nn.Linear makes, of the means of 3 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = nn.Bilinear(3, 3, 4)
        self.vector = nn.Parameter(torch.ones(4))
        self.head = nn.Linear(1, 5)

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean((2, 3))
        return self.head((self.pair(means, means) @ self.vector)[:, None])


def test_products_without_a_layer():
    calls = products_per_image(Bare(), torch.zeros(1, 3, 4, 4))
    # 4 times 3 x 3 of the left one, and 4 times 3 of the right one; a vector of 4; 1 x 5
    assert calls == [("_trilinear", 4 * 3 * 3 + 4 * 3), ("mv", 4), ("addmm", 5)]


@pytest.mark.parametrize("bias", [True, False])
def test_recurrent_layers_in_one_kernel_of_cudnn(bias: bool):
    """Its operator on tensors without memory, called as torch calls it on a GPU."""

    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.GRU(6, 5, batch_first=True, bidirectional=True, num_layers=2, bias=bias)

        def forward(self, images: Tensor) -> Tensor:
            if not images.is_meta:
                return self.layer(images[:, 0])[0]
            weights = self.layer._flat_weights
            start = images.new_zeros(4, len(images), 5)
            shape = (3, 5, 0, 2, True, 0.0, False, True, [], None)  # mode, hidden, projected, layers, ...
            return torch.ops.aten._cudnn_rnn(images[:, 0], weights, 4 if bias else 2, None, start, None, *shape)[0]

    on_processor = sum(macs for _operator, macs in products_per_image(Steps(), torch.zeros(1, 1, 7, 6)))
    assert on_processor == 7 * 2 * 3 * 5 * (6 + 5 + 10 + 5)
    calls = products_per_image(Steps().to("meta"), torch.zeros(1, 1, 7, 6, device="meta"))
    assert calls == [("_cudnn_rnn", on_processor)]


def test_frozen_parameters_count_as_those_that_are_trained():
    network, images = built("plain"), image_batch()
    network.requires_grad_(requires_grad=False)
    units = find_units(network, images)
    model = build_cost_model(network, units, images)
    assert model.full.parameters == sum(p.numel() for p in network.parameters())
    keep = torch.arange(units.total) % 2 == 0
    smaller = cut(network, plan_from_state(units, keep), images)
    assert model.cost(units.counts(keep[None])[0]).parameters == sum(p.numel() for p in smaller.parameters())
