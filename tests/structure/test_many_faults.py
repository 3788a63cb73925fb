"""Faults among many groups are found in few trials."""

import copy

import pytest
import torch
from torch import Tensor, nn

from compress.structure.trial_cuts import find_checked_units
from tests.helpers.networks import CLASSES, image_batch


class Pairs(nn.Module):
    """Many layers, most of them wrong when cut; it counts its forward passes."""

    def __init__(self, count: int, *, fails: bool) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(2, 4, 3), nn.Linear(4, CLASSES)
        self.inner = nn.ModuleList(nn.Conv2d(4, 6, 1) for _ in range(count))
        self.outer = nn.ModuleList(nn.Conv2d(6, 4, 1) for _ in range(count))
        self.fails, self.calls = fails, [0]

    def __deepcopy__(self, memo: dict) -> "Pairs":
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__ = {k: v if k == "calls" else copy.deepcopy(v, memo) for k, v in self.__dict__.items()}
        return copied

    def forward(self, images: Tensor) -> Tensor:
        self.calls[0] += 1
        x = self.stem(images).relu()
        for place, (inner, outer) in enumerate(zip(self.inner, self.outer, strict=True)):
            y = inner(x).relu()
            if place:  # the first pair is right
                y = y.reshape(len(y), 6, 100).reshape(y.shape) if self.fails else y / y.shape[1]
            x = x + outer(y)
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("fails", [False, True])
def test_many_wrong_groups_are_found_in_few_trials(fails: bool):
    torch.manual_seed(0)
    network = Pairs(40, fails=fails)
    units = find_checked_units(network, image_batch(), seed=0)
    assert set(units.not_pruned) >= {f"inner.{place}" for place in range(1, 40)}
    assert "stem" in {group.root for group in units.groups}
    assert fails or "inner.0" in {group.root for group in units.groups}
    assert network.calls[0] < (150 if fails else 40)


def test_one_that_is_wrong_among_many_is_found_by_halves():
    class OneOf(Pairs):
        def forward(self, images: Tensor) -> Tensor:
            x = self.stem(images).relu()
            for place, (inner, outer) in enumerate(zip(self.inner, self.outer, strict=True)):
                y = inner(x).relu()
                x = x + outer(y.reshape(len(y), 6, 100).reshape(y.shape) if place == 29 else y)
            return self.head(x.mean((2, 3)))

    torch.manual_seed(0)
    assert set(find_checked_units(OneOf(40, fails=True), image_batch(), seed=0).not_pruned_before_head) == {"inner.29"}
