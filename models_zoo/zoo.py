"""Networks by name: torchvision's own builders, fitted to a number of classes and an image."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from models_zoo.torchvision_mend import torchvision

SMALL_IMAGE = 64
"""Up to this size in pixels a ResNet gets the small-image stem (He et al. 2016, section 4.2)."""


class UnknownArchError(ValueError):
    """No network of that name; the message names the nearest ones."""


@dataclass(frozen=True)
class Architecture:
    """One network: how to build it, and the image sizes (pixels, square) it works on.

    ``small_size`` is the default for data sets of small images (28 to 64 pixels), ``paper_size`` the
    one of the paper's experiments (``None``: ``full_size``).
    """

    build: Callable[..., nn.Module]
    min_size: int
    small_size: int
    full_size: int = 224
    paper_size: int | None = None


ARCHITECTURES: Mapping[str, Architecture] = {
    "squeezenet1_0": Architecture(torchvision.models.squeezenet1_0, min_size=21, small_size=48),
    "squeezenet1_1": Architecture(torchvision.models.squeezenet1_1, min_size=17, small_size=48),
    "resnet18": Architecture(torchvision.models.resnet18, min_size=16, small_size=32, paper_size=32),
    "resnet34": Architecture(torchvision.models.resnet34, min_size=16, small_size=32, paper_size=32),
    "resnet50": Architecture(torchvision.models.resnet50, min_size=16, small_size=32, paper_size=32),
    "resnet101": Architecture(torchvision.models.resnet101, min_size=16, small_size=32, paper_size=32),
    "alexnet": Architecture(torchvision.models.alexnet, min_size=63, small_size=64),
}

ALIASES: Mapping[str, str] = {"squeezenet": "squeezenet1_1"}


def find_architecture(name: str) -> Architecture:
    """The network of that name.

    Raises:
        UnknownArchError: there is none; the message suggests the nearest names.
    """
    resolved = ALIASES.get(name, name)
    if resolved in ARCHITECTURES:
        return ARCHITECTURES[resolved]
    known = [*ARCHITECTURES, *ALIASES]
    near = difflib.get_close_matches(name.lower(), known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known))}"
    raise UnknownArchError(f"unknown network {name!r}: {hint}")


def build_network(name: str, *, classes: int, channels: int = 3, image_size: int = 224) -> nn.Module:
    """Build a network with fresh weights from torch's global random generator.

    Args:
        name: a key of ``ARCHITECTURES`` or ``ALIASES``.
        classes: width of the class head.
        channels: of the input image; 1 for grey, 3 for RGB.
        image_size: side of the square input in pixels.

    Returns:
        A module from images (B, channels, image_size, image_size) to logits (B, classes).

    Raises:
        UnknownArchError: no such network.
        ValueError: the image is too small for the network.
    """
    architecture = find_architecture(name)
    if image_size < architecture.min_size:
        raise ValueError(f"{name} needs images of at least {architecture.min_size} pixels, got {image_size}")
    network = architecture.build(num_classes=classes)
    if channels != 3:
        _replace_first_convolution(network, in_channels=channels)
    if isinstance(network, torchvision.models.ResNet) and image_size <= SMALL_IMAGE:
        network.conv1 = nn.Conv2d(channels, network.conv1.out_channels, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    return network


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


def _replace_first_convolution(network: nn.Module, *, in_channels: int) -> None:
    name, old = next((name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        kernel_size=old.kernel_size,  # type: ignore[arg-type]
        stride=old.stride,  # type: ignore[arg-type]
        padding=old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    with torch.no_grad():
        network.set_submodule(name, new)
