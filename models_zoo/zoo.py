"""Networks by name: of torchvision, for CIFAR, the ChannelNets, and timm's where it is installed."""

import difflib
from collections.abc import Mapping

from torch import nn

from models_zoo import timm_models
from models_zoo.architecture import Architecture, UnknownArchError
from models_zoo.channelnet import CHANNELNETS
from models_zoo.cifar import CIFAR
from models_zoo.torchvision_models import TORCHVISION

ARCHITECTURES: Mapping[str, Architecture] = {**TORCHVISION, **CIFAR, **CHANNELNETS}

ALIASES: Mapping[str, str] = {"squeezenet": "squeezenet1_1"}


def find_architecture(name: str) -> Architecture:
    """The network of a name: a key of ``ARCHITECTURES`` or ``ALIASES``, or ``timm/NAME``.

    UnknownArchError, with the nearest names, if there is none; MissingExtraError if timm is not installed.
    """
    if name.startswith(timm_models.PREFIX):
        return timm_models.find(name)
    resolved = ALIASES.get(name, name)
    if resolved in ARCHITECTURES:
        return ARCHITECTURES[resolved]
    near = difflib.get_close_matches(name.lower(), [*ARCHITECTURES, *ALIASES], n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`compress list archs` shows all"
    raise UnknownArchError(f"unknown network {name!r}: {hint}")


def build_network(
    name: str, *, classes: int, channels: int = 3, image_size: int = 224, published: bool = False
) -> nn.Module:
    """Build a network with fresh weights from torch's global random generator; errors also as ``find_architecture``.

    ``published``: for images of any size in the form that published weights have.

    It takes images (B, channels, image_size, image_size) and gives logits (B, classes). UnfitInputError if it cannot
    take images of that size, or have so many classes.
    """
    architecture = find_architecture(name)
    architecture.check_size(name, image_size)
    build = (architecture.build_published if published else None) or architecture.build
    return build(classes=classes, channels=channels, image_size=image_size)


def head_names(network: nn.Module, *, classes: int) -> tuple[str, ...]:
    """Names of the parameters of the last convolution or linear layer that is ``classes`` wide."""
    heads = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.shape[0] == classes
    ]
    if not heads:
        return ()
    return tuple(f"{heads[-1]}.{name}" for name, _ in network.get_submodule(heads[-1]).named_parameters())
