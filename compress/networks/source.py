"""Settings -> the network they name: one of the zoo, or the user's own."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from compress.errors import EnvironmentProblem, UsageError
from compress.networks.own_code import OwnCode
from compress.networks.own_network import build_own
from models_zoo.architecture import MissingExtraError, UnfitInputError, UnknownArchError
from models_zoo.zoo import build_network, find_architecture


@dataclass(frozen=True)
class NetworkSource:
    """A network that can be built for any number of classes, and the images it takes (pixels, square).

    Attributes:
        name: for messages.
        build: called with ``classes``, ``channels`` and ``image_size`` (keywords); fresh weights from torch's
            global random generator.
        min_size: smallest images.
        small_size: the default for sets of small images; ``None``: as the images are.
        full_size: the default for photographs; ``None``: as the data set has it.
        paper_size: the image size of the paper's experiments; ``None``: as the data set has it.
    """

    name: str
    build: Callable[..., nn.Module]
    min_size: int
    small_size: int | None = None
    full_size: int | None = None
    paper_size: int | None = None


def find_source(arch: str, *, model: str | None = None, code: OwnCode | None = None) -> NetworkSource:
    """The network of that name, or the user's own.

    Args:
        arch: a name of the zoo; for the user's own network what it is called.
        model: which code of the user's builds it; ``None`` for one of the zoo.
        code: that code, where the command named it.

    Raises:
        UsageError: no such network, or the user's own and the command has not named its code.
        EnvironmentProblem: the package that the network comes from is not installed.
    """
    if model is not None:
        return _find_own(arch, model, code)
    try:
        found = find_architecture(arch)
    except UnknownArchError as error:
        raise UsageError(str(error)) from None
    except MissingExtraError as error:
        raise EnvironmentProblem(str(error)) from None
    return NetworkSource(
        arch,
        partial(_build_named, arch),
        found.min_size,
        found.small_size,
        found.full_size,
        found.paper_size or found.full_size,
    )


def _build_named(name: str, *, classes: int, channels: int, image_size: int) -> nn.Module:
    """A network of the zoo.

    Raises:
        UsageError: it does not take such images, or so many classes.
    """
    try:
        return build_network(name, classes=classes, channels=channels, image_size=image_size)
    except UnfitInputError as error:
        raise UsageError(str(error)) from None


def _find_own(arch: str, spec: str, code: OwnCode | None) -> NetworkSource:
    if code is None:
        raise UsageError(
            f"the network is your own code, {spec}, and code is run only where a command names it: "
            f"add --model {shlex.quote(spec)} (in Python: with build=your_function)"
        )
    return NetworkSource(arch, partial(build_own, code, arch), min_size=1)
