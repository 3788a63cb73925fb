"""compress: prune an image classifier with EDropout, cut it down, export it, prove what was gained and lost.

The names below are the Python API; the first use of one imports torch, ``import compress`` alone does not.
"""

from typing import TYPE_CHECKING, Any

import exporters  # noqa: F401  switches onnxruntime's telemetry off before anything can import it
from compress.version import __version__

if TYPE_CHECKING:
    from compress.api import ExportedFile, Preprocessing, Pruner, Verdict, export_onnx, load, load_preprocessing, verify

__all__ = [
    "ExportedFile",
    "Preprocessing",
    "Pruner",
    "Verdict",
    "__version__",
    "export_onnx",
    "load",
    "load_preprocessing",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'compress' has no attribute {name!r}")
    from compress import api  # here, so that the command line's help needs no torch

    return getattr(api, name)


def __dir__() -> list[str]:
    return __all__
