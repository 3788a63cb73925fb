import pytest
import torch
from torch import Tensor, nn

from compress.errors import UsageError
from compress.structure.remove import remove_units
from compress.structure.sound import sound_units
from compress.units import find_units
from tests.helpers.networks import CLASSES, NETWORKS, built, image_batch


class OddCorner(nn.Module):
    """Its second branch holds a number that only fits the whole network; no graph can show it."""

    def __init__(self, corner: str) -> None:
        super().__init__()
        self.corner = corner
        self.stem = nn.Conv2d(2, 8, 3)
        self.odd = nn.Conv2d(8, 6, 1)
        self.after = nn.Conv2d(6, 4, 1)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        odd = self.odd(self.stem(images).relu())
        if self.corner == "divides by its width":
            odd = odd / odd.shape[1]
        if self.corner == "asks for its width":
            odd = odd.view(-1, 6, *odd.shape[2:])
        return self.head(self.after(odd.relu()).relu().mean((2, 3)))


@pytest.mark.parametrize("corner", ["divides by its width", "asks for its width"])
def test_an_odd_corner_stays_whole_and_the_rest_is_pruned(corner: str):
    torch.manual_seed(0)
    network, images = OddCorner(corner).eval(), image_batch()
    assert [group.root for group in find_units(network, images).groups] == ["stem", "odd", "after"]
    units = sound_units(network, images, seed=0)
    assert [group.root for group in units.groups] == ["stem", "after"]
    assert "cannot be cut" in units.left_whole["odd"]
    keep = torch.ones(units.total, dtype=torch.bool)
    keep[::2] = False
    assert remove_units(network, units, keep, images).max_abs_difference <= 1e-6


@pytest.mark.parametrize("name", NETWORKS)
def test_a_sound_network_loses_no_group(name: str):
    network, images = built(name), image_batch()
    assert sound_units(network, images, seed=1).groups == find_units(network, images).groups


def test_what_a_head_of_zeros_would_hide_is_heard():
    torch.manual_seed(0)
    network, images = OddCorner("divides by its width").eval(), image_batch()
    nn.init.zeros_(network.head.weight)
    nn.init.zeros_(network.head.bias)
    assert "odd" in sound_units(network, images, seed=0).left_whole
    assert not network.head.weight.any()


def test_samples_that_touch_each_other_are_found():
    class Together(OddCorner):
        def forward(self, images: Tensor) -> Tensor:
            odd = self.odd(self.stem(images).relu())
            return self.head(self.after(odd - odd.mean(0, keepdim=True)).relu().mean((2, 3)))

    torch.manual_seed(0)
    units = sound_units(Together("").eval(), image_batch(), seed=0)
    assert [group.root for group in units.groups] == ["odd", "after"]  # these are read behind the mean
    assert "a state by itself and among others differ" in units.left_whole["stem"]


def test_a_network_that_is_odd_all_over_is_refused():
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = nn.Conv2d(2, 8, 3), nn.Linear(8, CLASSES)

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.stem(images).relu().view(-1, 8, 10, 10).mean((2, 3)))

    with pytest.raises(UsageError, match=r"nothing can be pruned in this network \(.*stem: it cannot be cut alone"):
        sound_units(Fixed().eval(), image_batch(), seed=0)
