"""What a mini-batch has to be for EDropout: images and one class number for each; and the logits of a forward pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from compress.errors import UsageError

NEEDS_CLASSES = (
    "EDropout compares the logit of an image's class with the best other one; "
    "for soft labels, mixup or another loss give the class numbers to pruner.state(images, labels) and use your own "
    "loss inside it; networks for several labels an image, or for no classes, cannot be pruned by it"
)


def check_batch(images: Tensor, labels: Tensor, *, classes: int) -> None:
    """Raise UsageError unless these are images (B, C, H, W), floats, with class numbers, int64 (B,)."""
    if images.dim() != 4 or not images.is_floating_point():
        raise UsageError(f"expected images of floats (B, C, H, W), got {_kind(images)}")
    if labels.dtype != torch.int64 or labels.shape != (len(images),) or not len(images):
        raise UsageError(
            f"expected a class number for each of {len(images)} images, int64 ({len(images)},), "
            f"got {_kind(labels)}: {NEEDS_CLASSES}"
        )
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= classes:
        raise UsageError(
            f"expected class numbers from 0 to {classes - 1}, as the network has {classes} logits, got "
            f"{least} to {most}; leave out images without a class"
        )


def check_classes(logits: Tensor) -> int:
    """The number of classes of logits (B, K); UsageError for fewer than two."""
    if logits.shape[1] < 2:
        raise UsageError(
            "expected logits of two classes or more, got one: the energy compares the right answer with the best "
            "wrong one; for two classes return two logits, such as torch.cat([-x, x], 1)"
        )
    return logits.shape[1]


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


@contextmanager
def logits_seen(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the logits (B, K) of every forward pass of a network inside the context, without their graph."""
    seen: list[Tensor] = []

    def collect(_network: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            raise UsageError(
                f"expected one tensor of logits (B, K) from the network's forward, got a {type(output).__name__}; "
                "wrap the network so that its forward returns the logits alone"
            )
        seen.append(output.detach().float())

    handle = network.register_forward_hook(collect)
    try:
        yield seen
    finally:
        handle.remove()
