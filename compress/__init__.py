"""compress: prune an image classifier with EDropout, cut it down, export it, prove what was gained and lost."""

from typing import TYPE_CHECKING

from compress.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Literal

    from torch import nn

__all__ = ["__version__", "load"]


def load(
    run: "str | Path",
    network: "Literal['pruned', 'original']" = "pruned",
    *,
    build: "Callable[[int], nn.Module] | None" = None,
) -> "nn.Module":
    """A network of a finished run as a module, in evaluation mode; see ``compress.api.load``.

    Example: ``compress.load("runs/first")(images)`` gives logits. A run of your own network needs the function
    that builds it, ``compress.load("runs/mine", build=build)``.
    """
    from compress import api  # here, so that `import compress` needs no torch

    return api.load(run, network, build=build)
