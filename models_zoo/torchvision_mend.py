"""The one place torchvision is imported from: ``from models_zoo.torchvision_mend import torchvision``.

PyPI's torchvision is built for CUDA. Beside a CPU-only torch its compiled operators cannot load, and ``import
torchvision`` fails with "operator torchvision::nms does not exist": it registers fake kernels for two detection
operators whose schemas that library would have declared. Classifiers, transforms and data sets use neither. Declaring
the two schemas is enough; with a matching pair of wheels nothing is changed.
"""

import importlib
import sys
from typing import Any

import torch

_library: torch.library.Library | None = None  # schemas live as long as this object does


def _import_mended() -> tuple[Any, bool]:
    global _library  # noqa: PLW0603  (torch drops the schemas with the object)
    try:
        return importlib.import_module("torchvision"), False
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("torchvision"), True


torchvision, MENDED = _import_mended()
