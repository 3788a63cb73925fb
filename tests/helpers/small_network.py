"""A network of one's own, as ``--model`` takes it: it trains and exports in a fraction of SqueezeNet's time."""

from torch import nn

SPEC = f"{__name__}:build"


def build(classes: int, *, channels: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def build_in_colour(classes: int) -> nn.Module:
    return build(classes, channels=3)
