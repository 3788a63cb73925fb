from collections.abc import Callable

import torch
from torch import Tensor, nn

from compress.channels.units import find_units
from compress.tracing.batch_rounds import count_rounds
from tests.helpers.networks import CLASSES, built, image_batch, network_of, unchanged
from tests.helpers.odd_networks import ODD_LAYERS


def test_hand_worked_rounds():
    # 4 x 4 tokens before the samples; two views one behind the other; 2 x 2 windows one behind the other
    expected = {"tokens before samples": 16, "two views of every image": 2, "windows before samples": 4}
    for name, rounds in expected.items():
        units = find_units(ODD_LAYERS[name].build(), image_batch())
        assert set(units.rounds.values()) == {rounds}
    assert set(units.rounds) == {"wide", "back"}  # "last" reads (B, C, H, W) again, "head" (B, C)


def test_counting_changes_nothing():
    network = built("residual").train()
    network.norm.eval()
    with unchanged(network):
        count_rounds(network, image_batch(), ["inner", "head"])


def test_rounds_of_rows_that_differ_in_one_place_only():
    def rounds(arrange: Callable[[Tensor], Tensor]) -> dict[str, int]:
        """Of a layer that reads what ``arrange`` makes of the pixels (B, 144, 2)."""

        def forward(n: nn.Module, images: Tensor) -> Tensor:
            n.wide(arrange(images.flatten(2).transpose(1, 2)))
            return n.head(images.new_zeros(len(images), 4))

        network = network_of(forward, wide=nn.Linear(2, 4), head=nn.Linear(4, CLASSES))
        return count_rounds(network, image_batch(1), ["wide"])

    assert rounds(lambda x: torch.cat([x] * 3)) == {"wide": 3}
    assert rounds(lambda x: x.repeat_interleave(3, 0)) == {}
    assert rounds(lambda x: x.transpose(0, 1)) == {"wide": 144}
    assert rounds(lambda x: x.mean(0)) == {}  # samples are mixed: no number fits
    assert rounds(torch.zeros_like) == {}  # nothing changes
    assert rounds(lambda x: torch.cat([torch.zeros(1, len(x), 2), x.transpose(0, 1)])) == {"wide": 145}
