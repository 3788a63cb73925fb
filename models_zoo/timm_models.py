"""timm's networks by name, where it is installed: ``timm/NAME``, fresh weights, nothing is downloaded.

timm gives the photograph size of each network. Other sizes are tried on torch's meta device, which computes
shapes only.
"""

import difflib
import importlib
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import nn

from models_zoo.architecture import Architecture, MissingExtraError, UnfitInputError, UnknownArchError
from models_zoo.torchvision_mend import torchvision  # noqa: F401  (timm imports it, mended or not)

PREFIX = "timm/"

_SIZES = (32, 64, 96, 128, 224, 256, 384)
_SMALL_SIZES = (64, 96, 128)
_SMALLEST = 16


def names() -> tuple[str, ...]:
    """All of timm's networks, with the prefix; ``MissingExtraError`` if timm is not installed."""
    return tuple(PREFIX + name for name in _timm().list_models())


@cache
def find(name: str) -> Architecture:
    """The network ``timm/NAME``; errors as in ``zoo.find_architecture``."""
    timm = _timm()
    bare = name.removeprefix(PREFIX)
    known = timm.list_models()
    if bare not in known:
        near = [PREFIX + other for other in difflib.get_close_matches(bare.lower(), known, n=3)]
        hint = f"did you mean {' or '.join(near)}?" if near else "`compress list archs --timm` shows all"
        raise UnknownArchError(f"unknown network {name!r}: {hint}")
    full_size = int(timm.get_pretrained_cfg(bare).input_size[-1])
    small_size = next((size for size in _SMALL_SIZES if _takes(bare, size)), full_size)
    return Architecture("timm", partial(_build, bare), min(_SMALLEST, small_size), small_size, full_size)


def pretrained_tags(bare: str) -> list[str]:
    """Names with their tags (``resnet18.a1_in1k``) of a network's pretrained weights."""
    return [name for name in _timm().list_pretrained(f"{bare}.*") if name.startswith(f"{bare}.")]


def pretrained_config(name: str) -> dict[str, Any]:
    """Where pretrained weights are and what images they take, by name with or without tag, as timm states it."""
    return dict(vars(_timm().get_pretrained_cfg(name)))


def in_todays_form(name: str, state: Mapping[str, Any], *, image_size: int) -> dict[str, Any]:
    """Pretrained weights ``timm/NAME.TAG`` as the state dict of today's network for images of ``image_size`` pixels.

    timm itself renames, reshapes and resizes what its own files have in an older form.
    """
    timm, bare = _timm(), name.removeprefix(PREFIX)
    fitted = {"img_size": image_size} if timm.get_pretrained_cfg(bare).fixed_input_size else {}
    given = {"state_dict": dict(state), "file": None, "source": None}
    network = timm.create_model(bare, pretrained=True, pretrained_cfg_overlay=given, **fitted)
    return dict(network.state_dict())


def imagenet_ids() -> tuple[str, ...]:
    """WordNet ids of ImageNet's 1,000 classes in the order of the logits; none without timm, which lists them."""
    try:
        return tuple(importlib.import_module("timm.data").ImageNetInfo().label_names())
    except ImportError:
        return ()


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise MissingExtraError(
            f"networks named {PREFIX}NAME need timm ({error}): pip install 'compress-edropout[timm]'"
        ) from None


def _build(bare: str, *, classes: int, channels: int, image_size: int) -> nn.Module:
    if not _takes(bare, image_size):
        good = [str(size) for size in _SIZES if _takes(bare, size)]
        raise UnfitInputError(
            f"{PREFIX}{bare} does not take images of {image_size} pixels: of the usual sizes it takes {', '.join(good)}"
        )
    return _create(bare, classes=classes, channels=channels, image_size=image_size)


def _create(bare: str, *, classes: int, channels: int, image_size: int) -> nn.Module:
    timm = _timm()
    fitted = {"img_size": image_size} if timm.get_pretrained_cfg(bare).fixed_input_size else {}
    return timm.create_model(bare, pretrained=False, num_classes=classes, in_chans=channels, **fitted)


@cache
def _takes(bare: str, image_size: int) -> bool:
    """Whether the network runs on images of that size."""
    try:
        with torch.device("meta"), torch.no_grad():
            network = _create(bare, classes=2, channels=3, image_size=image_size).eval()
            return tuple(network(torch.empty(1, 3, image_size, image_size)).shape) == (1, 2)
    except Exception:  # asserts, size mismatches, builders without the option: networks differ
        return False
