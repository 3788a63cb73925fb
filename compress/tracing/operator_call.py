"""One operator call: its arguments by name, and the channels its tensors carry.

A tensor carries channels along one axis: dropping a channel drops its positions. Without any, it does not change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from compress.tracing.channel_sets import ChannelSets, Labels


@dataclass(frozen=True)
class Channels:
    """The channel axis of a tensor, and one label for each position along it."""

    axis: int
    labels: Labels


Outcome = Channels | None | list[Channels | None]
"""The channels of all results of a call, or of each."""


@dataclass(frozen=True)
class Call:
    """One call of an ATen operator; its arguments by the names of its schema.

    ``bind`` gives labels along an axis of a tensor made of bare parameters or buffers, if it can be cut along with
    channels. For messages: ``place`` is the module that makes the call, ``name_of`` gives a bare tensor's name.
    """

    function: Any
    arguments: Mapping[str, Any]
    result: Any
    sets: ChannelSets
    channels_of: Callable[[Tensor], Channels | None]
    bind: Callable[[Tensor, int], Labels | None]
    place: str
    name_of: Callable[[Tensor], str | None]

    @property
    def operator(self) -> str:
        """The operator's name, without overload and trailing underscore."""
        return str(self.function._schema.name).split("::")[-1].rstrip("_")

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors among the arguments, those in lists too."""
        return [value for value in pytree.tree_leaves(dict(self.arguments)) if isinstance(value, Tensor)]

    @property
    def results(self) -> list[Tensor]:
        """All tensors among the results."""
        return [value for value in pytree.tree_leaves(self.result) if isinstance(value, Tensor)]

    @property
    def channels(self) -> Channels | None:
        """The channels of the first tensor."""
        return self.channels_of(self.tensors[0])

    @property
    def rank(self) -> int:
        """The number of dimensions of the first tensor."""
        return self.tensors[0].dim()

    def keep(self, channels: Channels | None, reason: str) -> Outcome:
        """Channels have to stay; the results carry none."""
        if channels is not None:
            self.sets.keep(channels.labels, f"{reason} in {self.place}")
        return None

    def keep_all(self, reason: str) -> Outcome:
        """The channels of all tensors have to stay; the results carry none."""
        for tensor in self.tensors:
            self.keep(self.channels_of(tensor), reason)
        return None

    def dims(self, name: str) -> tuple[int, ...]:
        """Dimensions of the first tensor in an argument, from 0 up; ``None`` or an empty list means all."""
        value = self.arguments.get(name)
        if value is None or (isinstance(value, list | tuple) and not value):
            return tuple(range(self.rank))
        return tuple(dim % max(self.rank, 1) for dim in ([value] if isinstance(value, int) else value))


Rule = Callable[[Call], Outcome]


def unfollowed(call: Call) -> Outcome:
    """The rule for every operator without one: the channels it takes are not pruned."""
    return call.keep_all(f"{call.operator}, which cannot be followed, takes it")
