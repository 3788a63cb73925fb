"""Find where the samples of a batch lie in a layer's input: they do not always come first.

Axes: B samples, R rows of a layer's input: all axes before its channels, flattened.
"""

from collections.abc import Collection
from functools import partial

import torch
from torch import Tensor, nn

from compress.tracing.forward_pass import evaluating, plain_kernels, watching_inputs
from compress.tracing.layers import channel_axis

CHANGED = 1e-3
"""A row has changed if it differs by more than this share of the largest number."""


def count_rounds(network: nn.Module, example: Tensor, layers: Collection[str]) -> dict[str, int]:
    """Layer -> how often its input holds the whole batch, one round after the other; without layers of one round.

    Rows are laid out as (rounds, B, rows of a sample). Tokens before samples (T, B, C) are T rounds, and a second view
    of every image after the first (2 B, C, H, W) makes two. The network is run on the first image of a batch
    (B, C, H, W) and a changed one; the rows that change belong to that. ``layers``: convolutions and linear layers.
    """
    image = example[:1]
    pixels = torch.randperm(image.numel(), generator=torch.Generator().manual_seed(0)).to(image.device)
    changed = image.flatten()[pixels].reshape(image.shape)  # pixels keep the range of their values
    same, other = (_rows_read(network, torch.cat([image, second]), layers) for second in (image, changed))
    found = {}
    for name in layers:
        calls = zip(same[name], other[name], strict=True)
        found[name] = _rounds([(one - two).abs().amax(dim=1) > CHANGED * one.abs().max() for one, two in calls])
    return {name: rounds for name, rounds in found.items() if rounds > 1}


def _rows_read(network: nn.Module, images: Tensor, layers: Collection[str]) -> dict[str, list[Tensor]]:
    """The input of every layer at each of its calls: (R, numbers in a row)."""
    read: dict[str, list[Tensor]] = {name: [] for name in layers}

    def record(name: str, layer: nn.Module, features: Tensor) -> None:
        rows = features.shape[: channel_axis(layer, features.dim())].numel()
        read[name].append(features.clone().reshape(rows, -1))  # the network may change it in place later

    watches = {name: partial(record, name) for name in layers}
    with evaluating(network), plain_kernels(), watching_inputs(network, watches):
        network(images)
    return read


def _rounds(changed: list[Tensor]) -> int:
    """The smallest number of rounds in which every changed row (bool R, of each call) is the second sample's."""
    fewest = min(len(rows) for rows in changed)
    for rounds in range(1, fewest // 2 + 1):
        fits = all(len(rows) % (2 * rounds) == 0 for rows in changed)
        if fits and not any(rows.reshape(rounds, 2, -1)[:, 0].any() for rows in changed):
            return rounds
    return 1
