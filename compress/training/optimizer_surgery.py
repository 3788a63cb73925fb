"""Surgery on an optimizer: the cut network's parameters take the place of the whole network's.

The optimizer stays the same object, so its scheduler and gradient scaler go on with it.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compress.errors import UsageError

Positions = Mapping[str, Mapping[int, Tensor]]
"""Parameter name -> dimension -> which of its places are kept, bool (see ``kept_positions``)."""


def swap_parameters(optimizer: Optimizer, whole: nn.Module, smaller: nn.Module, positions: Positions) -> None:
    """Let an optimizer of the whole network go on with the smaller one, in place.

    Parameter groups and their settings stay. State of a parameter's shape (momentum, ``exp_avg``) is cut along the
    same positions, single numbers are kept. A parameter whose state has tensors of another shape starts with fresh
    state, and a warning names it. Parameters of other modules stay. UsageError if it has none of the whole network's.
    """
    new, old = dict(smaller.named_parameters()), dict(whole.named_parameters())
    names = {id(parameter): name for name, parameter in old.items()}
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not any(id(parameter) in names for parameter in held):
        raise UsageError("expected the optimizer that trains this model, got one that has none of its parameters")
    for group in optimizer.param_groups:
        group["params"][:] = [new[names[id(p)]] if id(p) in names else p for p in group["params"]]
    fresh = []
    for parameter in held:
        name = names.get(id(parameter))
        if name is None or parameter not in optimizer.state:
            continue
        sides = {dim: kept for dim, kept in positions.get(name, {}).items() if not kept.all()}
        state = _cut_state(optimizer.state.pop(parameter), parameter, sides)
        if state is None:
            fresh.append(name)
        else:
            optimizer.state[new[name]] = state
    if fresh:
        warnings.warn(
            f"{type(optimizer).__name__} starts with fresh state for {', '.join(fresh)}: what it kept for them does "
            "not have the shape of the weights and cannot be cut",
            stacklevel=3,
        )


def _cut_state(state: Mapping[str, Any], parameter: Tensor, sides: Mapping[int, Tensor]) -> dict[str, Any] | None:
    """A parameter's state for its kept positions; ``None`` if there is something of another shape in it."""
    if not sides:
        return dict(state)
    found: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, Tensor) and value.dim() and value.shape == parameter.shape:
            found[key] = _cut(value, sides)
        elif value is None or isinstance(value, bool | int | float) or (isinstance(value, Tensor) and not value.dim()):
            found[key] = value
        else:
            return None
    return found


def _cut(value: Tensor, sides: Mapping[int, Tensor]) -> Tensor:
    whole = value
    for dim, kept in sides.items():
        value = torch.index_select(value, dim, kept.nonzero().flatten().to(value.device))
    channels_last = whole.dim() == 4 and whole.is_contiguous(memory_format=torch.channels_last)
    return value.contiguous(memory_format=torch.channels_last) if channels_last else value
