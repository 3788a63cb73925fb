"""Bare parameters and buffers, those of no layer: one that is combined with channels is cut along with them."""

from collections import Counter
from collections.abc import Collection, Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils.weak import WeakTensorKeyDictionary

from compress.tracing.channel_sets import ChannelSets, Labels
from compress.tracing.operator_call import Call

LARGEST = 10_000_000
"""Numbers of the largest tensor that is followed."""

_VIEWS = {
    "view", "_unsafe_view", "reshape", "_reshape_alias", "permute", "transpose", "t", "unsqueeze", "squeeze", "expand",
    "repeat", "slice", "select", "clone", "detach", "alias", "_to_copy", "contiguous",
}  # fmt: skip
"""Operators whose result holds numbers of their first argument, moved; all others compute."""

Origin = tuple[str, Tensor]
"""A bare tensor's name, and where in it each number of another tensor comes from: int64, in that tensor's shape."""


class BareTensors:
    """Follows bare tensors until they meet channels. One that is also used in another way has to stay as it is.

    ``labels``: name -> labels of the positions along its cut dimension; ``dims``: name -> that dimension.
    """

    def __init__(self, network: nn.Module, sets: ChannelSets, owned: Collection[int]) -> None:
        """``owned``: the ``id`` of layers' tensors, which are not bare."""
        self.labels: dict[str, Labels] = {}
        self.dims: dict[str, int] = {}
        self._sets = sets
        self._used_otherwise: dict[str, str] = {}
        self._shapes: dict[str, torch.Size] = {}
        self._origins = WeakTensorKeyDictionary()
        self._bound: set[int] = set()
        everywhere = [
            *network.named_parameters(remove_duplicate=False),
            *network.named_buffers(remove_duplicate=False),
        ]
        places = Counter(_storage(tensor) for _, tensor in everywhere)  # not those that share their numbers
        for name, tensor in everywhere:
            if id(tensor) not in owned and 1 < tensor.numel() <= LARGEST and places[_storage(tensor)] == 1:
                self._shapes[name] = tensor.shape
                self._origins[tensor] = ((name, torch.arange(tensor.numel()).reshape(tensor.shape)),)

    def bind(self, tensor: Tensor, axis: int) -> Labels | None:
        """Labels along an axis of a tensor that is made of bare ones; ``None`` if it cannot be cut along it."""
        along = [self._along(name, index, axis) for name, index in self._origins.get(tensor, ())]
        if not along or any(labels is None for labels in along):
            return None
        self._bound.add(id(tensor))
        first, *others = (labels for labels in along if labels is not None)
        for other in others:
            self._sets.tie(first, other, "it is combined with a parameter of fixed width")
        return first

    def unbind(self) -> None:
        """The call that labels were given for is not followed after all."""
        self._bound.clear()

    def follow(self, call: Call) -> None:
        """After a call: what its results hold of bare tensors; those that it used in a way that is not followed."""
        sources = [tensor for tensor in call.tensors if tensor in self._origins and id(tensor) not in self._bound]
        self._bound.clear()
        if not sources:
            return
        views, alone = call.operator in _VIEWS, all(call.channels_of(tensor) is None for tensor in call.tensors)
        beside = [tensor for tensor in call.tensors if tensor.numel() > 1 and tensor not in self._origins]
        computed = torch.Tag.pointwise in call.function.tags and not beside
        if alone and len(call.results) == 1 and (views or computed):
            self._origins[call.results[0]] = tuple(
                (name, _moved(call, source, index) if views else index.expand(call.results[0].shape))
                for source in sources
                for name, index in self._origins[source]
            )
        else:
            self.use(sources, f"it is used in {call.place} ({call.operator})")

    def use(self, tensors: Iterable[Tensor], reason: str) -> None:
        """Bare tensors are used in a way that is not followed."""
        for tensor in tensors:
            for name, _ in self._origins.get(tensor, ()):
                self._used_otherwise.setdefault(name, reason)

    def finish(self) -> None:
        """After the forward pass: those that are used otherwise stay, with the channels that they are combined with."""
        for name, reason in self._used_otherwise.items():
            if name in self.labels:
                self._sets.keep(self.labels[name], f"{name}: {reason}")

    def _along(self, name: str, index: Tensor, axis: int) -> Labels | None:
        """Labels of a bare tensor's positions that lie along an axis of ``index``, if they lie along that one only."""
        places = np.unravel_index(index.numpy(), self._shapes[name])
        rows = [np.moveaxis(place, axis, -1).reshape(-1, index.shape[axis]) for place in places]
        found = [(dim, row[0]) for dim, row in enumerate(rows) if (row == row[:1]).all() and len(np.unique(row[0])) > 1]
        if len(found) != 1 or self.dims.get(name, found[0][0]) != found[0][0]:
            return None
        dim, positions = found[0]
        if name not in self.labels:
            self.dims[name], self.labels[name] = dim, self._sets.new(self._shapes[name][dim])
        return self.labels[name][positions]


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _moved(call: Call, source: Tensor, index: Tensor) -> Tensor:
    """The result of a call that moves numbers, with indices in place of one tensor; they keep their type."""
    arguments = pytree.tree_map_only(Tensor, lambda tensor: index if tensor is source else tensor, dict(call.arguments))
    if call.operator in ("clone", "detach", "alias", "_to_copy", "contiguous"):
        return index
    names = [argument.name for argument in call.function._schema.arguments if not argument.kwarg_only]
    return call.function(*(arguments[name] for name in names if name in arguments))
