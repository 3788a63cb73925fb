"""A copy of a module, also of one whose attributes were computed from its parameters."""

import copy
from typing import Any

from torch import Tensor, nn


def copy_module(module: nn.Module) -> nn.Module:
    """A deep copy; tensors that a forward pass left in attributes are copied without their history.

    ``copy.deepcopy`` refuses such tensors: the ``weight`` of ``torch.nn.utils.weight_norm`` and
    ``torch.nn.utils.prune``, or features that a layer remembers.
    """
    computed = (value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor))
    memo: dict[int, Any] = {id(value): value.detach().clone() for value in computed if not value.is_leaf}
    return copy.deepcopy(module, memo)
