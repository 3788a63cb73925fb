"""Settings -> the network they name: one of the zoo, or the user's own."""

import shlex
from dataclasses import replace
from functools import partial

from torch import nn

from compress.errors import EnvironmentProblem, UsageError
from compress.networks.own_code import OwnCode
from compress.networks.own_network import build_own
from models_zoo.architecture import Architecture, MissingExtraError, UnfitInputError, UnknownArchError
from models_zoo.zoo import build_network, find_architecture


def find_network(arch: str, *, model: str | None = None, code: OwnCode | None = None) -> Architecture:
    """The network of that name, or the user's own, which is not limited to any image size.

    Args:
        arch: a name of the zoo, or a name for the user's own network in messages.
        model: the spec of the user's code that builds it; ``None`` for one of the zoo.
        code: that code, if the command named it.

    Raises:
        UsageError: no such network, or the user's own and the command has not named its code.
        EnvironmentProblem: the package that the network comes from is not installed.
    """
    if model is not None:
        return _find_own(arch, model, code)
    try:
        return replace(find_architecture(arch), build=partial(_build_named, arch))
    except UnknownArchError as error:
        raise UsageError(str(error)) from None
    except MissingExtraError as error:
        raise EnvironmentProblem(str(error)) from None


def _build_named(name: str, *, classes: int, channels: int, image_size: int) -> nn.Module:
    """A network of the zoo; ``UsageError`` if it does not take such images, or so many classes."""
    try:
        return build_network(name, classes=classes, channels=channels, image_size=image_size)
    except UnfitInputError as error:
        raise UsageError(str(error)) from None


def _find_own(arch: str, spec: str, code: OwnCode | None) -> Architecture:
    if code is None:
        raise UsageError(
            f"the network is your own code, {spec}, and code is run only where a command names it: "
            f"add --model {shlex.quote(spec)} (in Python: with build=your_function)"
        )
    return Architecture("own", partial(build_own, code, arch), min_size=1, small_size=None, full_size=None)
