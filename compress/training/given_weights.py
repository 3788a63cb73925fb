"""Given weights: do they answer as well as they should, or better with images prepared in another common way?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from torch import nn

from compress.data.bundle import Split
from compress.data.folder import MEAN_GREY, MEAN_RGB, STD_GREY, STD_RGB
from compress.data.preprocessing import Preprocessing
from compress.settings.preprocessing import ChannelOrder
from compress.statistics import mcnemar, paired_counts, wilson
from compress.training.evaluate import Evaluation

IMAGES: Final = 256
"""Training images, not augmented, on which other preprocessing is tried: validation may have too few to tell."""

MIN_GAIN: Final = 0.05
"""Top-1 that another preprocessing has to gain, and that published weights have to lack, to be worth a warning."""

_P_VALUE: Final = 0.001  # of McNemar's test; five ways are tried


def warn_of_other_preprocessing(
    network: nn.Module, split: Split, shown: Preprocessing, *, batch_size: int
) -> tuple[str, ...]:
    """A warning if the network answers clearly better with images normalised in another common way.

    ``split`` has its images prepared as ``shown`` says.
    """
    places = np.linspace(0, len(split) - 1, min(IMAGES, len(split))).round().astype(int)
    right = _right_answers(network, split.subset(torch.from_numpy(places)), shown, batch_size=batch_size)
    ours = right.pop("")
    flags, best = max(right.items(), key=lambda item: item[1].sum())
    gain = (int(best.sum()) - int(ours.sum())) / len(ours)
    if gain < MIN_GAIN or mcnemar(paired_counts(ours, best)) > _P_VALUE:
        return ()
    return (
        f"likely the wrong preprocessing: Top-1 of the given weights is {ours.mean():.1%} on {len(ours)} training "
        f"images, and {best.mean():.1%} with {flags}: were they trained so?",
    )


def warn_of_published(measured: Evaluation, published: float | None) -> tuple[str, ...]:
    """A warning if Top-1 is far below what is ``published`` for these weights, in percent; ``None``: it is unknown.

    On images of some of their classes it is higher, if anything.
    """
    high = wilson(round(measured.accuracy * measured.images), measured.images).high
    if published is None or published / 100 - high < MIN_GAIN:
        return ()
    return (
        f"likely the wrong preprocessing or classes: Top-1 of the given weights is {measured.accuracy:.1%} on "
        f"{measured.images:,} validation images, {published:.1f}% is published",
    )


@torch.no_grad()
def _right_answers(network: nn.Module, split: Split, shown: Preprocessing, *, batch_size: int) -> dict[str, np.ndarray]:
    """Which images [N] are answered right, by the flags of each preprocessing; "" is the split's own."""
    device, training = next(network.parameters()).device, network.training
    network.eval()
    right: dict[str, list[np.ndarray]] = {"": []}
    for images, labels in split.batches(batch_size):
        pixels = torch.from_numpy(shown.restore(images).copy())
        ways = {flags: other.normalise(pixels) for flags, other in _common_ways(shown).items()}
        for flags, prepared in {"": images, **ways}.items():
            answers = network(prepared.to(device)).argmax(1).cpu()
            right.setdefault(flags, []).append((answers == labels).numpy())
    network.train(training)
    return {flags: np.concatenate(parts) for flags, parts in right.items()}


def _common_ways(shown: Preprocessing) -> Mapping[str, Preprocessing]:
    """Normalisations that networks are often trained with, besides ``shown``, by their flags."""
    count = shown.channels
    imagenet = (MEAN_GREY, STD_GREY) if count == 1 else (MEAN_RGB, STD_RGB)
    named = {
        "--mean {} --std {}".format(*(",".join(map(str, values)) for values in imagenet)): imagenet,
        "--mean 0.5 --std 0.5": ((0.5,) * count, (0.5,) * count),
        "--mean 0 --std 1": ((0.0,) * count, (1.0,) * count),
        "--mean 0 --std 1 --pixel-range 255": ((0.0,) * count, (1 / 255,) * count),
    }
    ways = {flags: replace(shown, mean=mean, std=std) for flags, (mean, std) in named.items()}
    if count == 3:
        other: ChannelOrder = "rgb" if shown.channel_order == "bgr" else "bgr"
        ways[f"--channel-order {other}"] = replace(shown, channel_order=other)
    return {flags: way for flags, way in ways.items() if way != shown}
