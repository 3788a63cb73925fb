"""Loss and accuracy of a network on a split, in torch; new BatchNorm statistics."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from compress.data.bundle import Order, Split


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy and Top-1 (a fraction) on ``images`` images."""

    loss: float
    accuracy: float
    images: int


@torch.no_grad()
def evaluate(network: nn.Module, split: Split, *, batch_size: int) -> Evaluation:
    """Evaluate a network in eval mode, then restore its mode."""
    training = network.training
    device = next(network.parameters()).device
    network.eval()
    loss, right = 0.0, 0
    for images, labels in split.batches(batch_size):
        logits = network(images.to(device)).cpu()
        loss += float(functional.cross_entropy(logits, labels, reduction="sum"))
        right += int((logits.argmax(1) == labels).sum())
    network.train(training)
    return Evaluation(loss / len(split), right / len(split), len(split))


@torch.no_grad()
def recalibrate_batchnorm(network: nn.Module, split: Split, *, batch_size: int, images: int = 2048) -> int:
    """Measure BatchNorm's means and variances on about ``images`` training images, as an average over batches.

    The running statistics from before channels were removed do not fit the smaller network. Returns the number of
    BatchNorm layers.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    if not norms:
        return 0
    momenta = [norm.momentum for norm in norms]
    training = network.training
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
        norm.train()
    try:
        seen = 0
        for batch, _labels in split.batches(batch_size, order=Order(seed=0, epoch=0)):  # shuffled: classes mixed
            if len(batch) > 1:
                network(batch.to(norms[0].running_mean.device))  # type: ignore[union-attr]
            seen += len(batch)
            if seen >= images:
                break
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.train(training)
    return len(norms)
