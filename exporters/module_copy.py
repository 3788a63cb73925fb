"""A copy of a module, also of one whose attributes were computed from its parameters."""

import copy
from typing import Any

from torch import Tensor, nn
from torch.utils import _pytree as pytree


def copy_module(module: nn.Module) -> nn.Module:
    """A deep copy; tensors that a forward pass left in attributes, lists or dicts are copied without their history.

    ``copy.deepcopy`` refuses such tensors: the ``weight`` of ``torch.nn.utils.weight_norm`` and
    ``torch.nn.utils.prune``, or features that a layer remembers.
    """
    values = (value for part in module.modules() for value in pytree.tree_leaves(vars(part)))
    computed = (value for value in values if isinstance(value, Tensor) and not value.is_leaf)
    memo: dict[int, Any] = {id(value): value.detach().clone() for value in computed}
    return copy.deepcopy(module, memo)
