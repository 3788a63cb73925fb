import math

import torch
from torch import nn

from compress.edropout.push import PUSH, PushTraining
from compress.training.epochs import Epochs
from compress.training.objective import Objective
from compress.training.recipe import Recipe
from compress.training.weights import WeightSettings
from tests.helpers.networks import with_units
from tests.helpers.splits import learnable_split

SPLIT = learnable_split(40)
STILL = Recipe("sgd", 1e-30, 0.0, "constant")  # so that the decay alone moves weights
SETTINGS = WeightSettings(Objective(STILL), Epochs(1, 3, 4), steps_per_epoch=5, batch_size=8)


def test_weights_of_dropped_units_shrink_by_exp_of_the_push_and_all_others_stay():
    network, units = with_units("plain")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    keep_U = torch.arange(units.total) % 2 == 0
    body = PushTraining(network, SPLIT, SETTINGS, units=units, keep_U=keep_U)
    for _epoch in range(2):
        for images, labels in SPLIT.batches(8):
            body.step(images, labels)
    shrunk = math.exp(-PUSH * 10 * 11 / 10**2)  # the sum of 2 t / T^2 over T steps is (T + 1) / T
    first = network[0].weight
    assert isinstance(first, nn.Parameter)
    kept = keep_U[:8, None, None, None]
    torch.testing.assert_close(first.data, torch.where(kept, before["0.weight"], shrunk * before["0.weight"]))
    assert torch.equal(network[0].bias, before["0.bias"])
