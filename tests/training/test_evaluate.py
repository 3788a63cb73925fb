import pytest
import torch
from torch import nn

from compress.training.evaluate import evaluate, recalibrate_batchnorm
from tests.helpers.splits import TensorSplit, learnable_split


def test_hand_worked_loss_and_accuracy_and_the_mode_as_it_was():
    network = nn.Flatten()
    network.register_parameter("unused", nn.Parameter(torch.zeros(1)))
    images = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]).reshape(3, 2, 1, 1)
    result = evaluate(network, TensorSplit(images, torch.tensor([0, 1, 1])), batch_size=2)
    # -log softmax: log(1 + e^-2), log(1 + e^-1), log(1 + e^3)
    assert result.loss == pytest.approx((0.126928 + 0.313262 + 3.048587) / 3, abs=1e-5)
    assert (result.accuracy, result.images) == (2 / 3, 3)
    assert network.training


def test_batchnorm_gets_the_statistics_of_the_images():
    split = learnable_split(64)
    network = nn.Sequential(nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(288, 5)).eval()
    network[0].running_mean.fill_(50.0)
    assert recalibrate_batchnorm(network, split, batch_size=64) == 1
    images = next(iter(split.batches(64)))[0]
    assert torch.allclose(network[0].running_mean, images.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(network[0].running_var, images.var((0, 2, 3)), atol=1e-4)
    assert network[0].momentum == 0.1
    assert not network.training
    # Without BatchNorm there is nothing to do.
    assert recalibrate_batchnorm(nn.Linear(2, 2), learnable_split(), batch_size=8) == 0
