"""First-order Taylor importance (Molchanov et al., CVPR 2019), with the mask as the gate.

Axes: U units, B batch.
"""

from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.channels.masks import masked
from compress.channels.units import UnitMap
from compress.data.bundle import Order, Split

BATCHES = 100
"""Training mini-batches that the mean is taken over, at most one epoch."""


def taylor_scores(network: nn.Module, units: UnitMap, train: Split, *, batch_size: int, seed: int) -> Tensor:
    """``mean over mini-batches of (dL/ds_u)^2`` at the whole network, L the cross-entropy.

    To first order it is the squared change of the loss if unit u is dropped. The network runs in eval mode, so
    that dropout adds no noise and running statistics do not change.

    Args:
        network: a trained network; not changed.
        units: its units.
        train: training images.
        batch_size: images in a mini-batch.
        seed: of their order.

    Returns:
        Scores, float64 U.
    """
    device = next(network.parameters()).device
    training = network.training
    total_U, batches = torch.zeros(units.total, dtype=torch.float64), 0
    network.eval()
    try:
        for images, labels in islice(train.batches(batch_size, order=Order(seed=seed, epoch=0)), BATCHES):
            keep = torch.ones(units.total, device=device, requires_grad=True)
            with masked(network, units, keep):
                loss = functional.cross_entropy(network(images.to(device)), labels.to(device))
            (gradient_U,) = torch.autograd.grad(loss, keep)
            total_U += gradient_U.double().cpu().square()
            batches += 1
    finally:
        network.train(training)
    return total_U / batches
