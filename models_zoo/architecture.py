"""How to build a network, and the images it takes."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


class UnknownArchError(ValueError):
    """No network of that name; the message names the nearest ones."""


class UnfitInputError(ValueError):
    """The network cannot be built for such images or so many classes; the message says for which it can."""


class MissingExtraError(ImportError):
    """A network of a package that is not installed; the message says how to install it."""


@dataclass(frozen=True)
class Architecture:
    """One network: how to build it, and the image sizes (pixels, square) it takes."""

    family: str  # its heading in lists
    build: Callable[..., nn.Module]  # (classes=, channels=, image_size=) -> fresh weights from torch's global generator
    min_size: int
    small_size: int | None  # the default for data sets of small images (28 to 64 pixels); ``None``: as the images are
    full_size: int | None = 224  # the default for photographs, that of torchvision's weights; ``None``: as they are
    parameters: int | None = None  # with 1,000 classes and RGB images of ``full_size``; ``None``: unknown until built
    paper_size: int | None = None  # that of the paper's experiments (``None``: ``full_size``)
    multiple_of: int = 1  # of this many pixels are all sizes it takes
    build_published: Callable[..., nn.Module] | None = None  # as ``build``, in the form that published weights have

    def check_size(self, name: str, image_size: int) -> None:
        """Raise ``UnfitInputError``, with sizes to try, if the network cannot take images of a size."""
        if image_size < self.min_size:
            raise UnfitInputError(f"{name} needs images of at least {self.min_size} pixels, got {image_size}")
        if image_size % self.multiple_of:
            below = image_size // self.multiple_of * self.multiple_of
            near = [size for size in (below, below + self.multiple_of) if size >= self.min_size]
            raise UnfitInputError(
                f"{name} takes images whose side is a multiple of {self.multiple_of} pixels, got {image_size}: "
                f"try {' or '.join(map(str, near))}"
            )
