"""Settings -> the network they name: one of the zoo, or the user's own."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from compress.config import RunConfig
from compress.errors import UsageError
from models_zoo.zoo import UnknownArchError, build_network, find_architecture


@dataclass(frozen=True)
class NetworkSource:
    """A network that can be built for any number of classes, and the images it takes (pixels, square).

    Attributes:
        name: for messages.
        build: called with ``classes``, ``channels`` and ``image_size`` (keywords); fresh weights from torch's
            global random generator.
        min_size: smallest images.
        small_size: the default for sets of small images.
        full_size: the default for photographs.
        paper_size: the image size of the paper's experiments.
        channels: the only input channels it takes; ``None``: it is built for any.
    """

    name: str
    build: Callable[..., nn.Module]
    min_size: int
    small_size: int
    full_size: int
    paper_size: int
    channels: int | None = None


def find_source(config: RunConfig) -> NetworkSource:
    """The network that settings name.

    Raises:
        UsageError: no such network.
    """
    try:
        found = find_architecture(config.arch)
    except UnknownArchError as error:
        raise UsageError(str(error)) from None

    def build(*, classes: int, channels: int, image_size: int) -> nn.Module:
        return build_network(config.arch, classes=classes, channels=channels, image_size=image_size)

    return NetworkSource(
        config.arch, build, found.min_size, found.small_size, found.full_size, found.paper_size or found.full_size
    )
