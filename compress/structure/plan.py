"""A pruning plan: the kept channels of each layer, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import lt
from typing import Any

import torch
from torch import Tensor

from compress.channels.units import UnitMap
from compress.errors import BadInputError
from compress.json_text import parse_json

FORMAT = "compress-pruning-plan/1"
MAX_PLAN_BYTES = 2**24


@dataclass(frozen=True)
class PruningPlan:
    """Root layer name -> indices of its output channels that are kept, ascending.

    A root stands for its whole coupled group; layers that are not named keep all channels.
    """

    kept: Mapping[str, tuple[int, ...]]
    widths: Mapping[str, int]

    def to_json(self) -> str:
        """The plan as JSON text."""
        layers = {root: {"width": self.widths[root], "kept": list(kept)} for root, kept in self.kept.items()}
        return json.dumps({"format": FORMAT, "layers": layers})

    @classmethod
    def from_json(cls, text: str | bytes, *, source: object = "the run's plan") -> "PruningPlan":
        """Read a plan back; BadInputError, with its ``source``, if it is none or names channels that do not exist."""
        document = parse_json(text, source=source)
        try:
            if document["format"] != FORMAT:
                raise BadInputError(f"{source}: expected a plan of format {FORMAT}, got {document['format']!r:.80}")
            layers = document["layers"].items()
            kept = {root: tuple(layer["kept"]) for root, layer in layers}
            widths = {root: layer["width"] for root, layer in layers}
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInputError(f"{source} is not a pruning plan: {type(error).__name__}: {error}") from None
        for root, channels in kept.items():
            if not _are_channels(channels, width=widths[root]):
                raise BadInputError(
                    f"{source} keeps impossible channels in {root:.200}: expected ascending whole numbers below its "
                    f"width, {widths[root]!r:.40}"
                )
        return cls(kept, widths)


def _are_channels(channels: tuple[Any, ...], *, width: Any) -> bool:
    whole = all(type(value) is int for value in (width, *channels))
    return whole and bool(channels) and all(map(lt, (-1, *channels), (*channels, width)))


def plan_from_state(units: UnitMap, keep_U: Tensor) -> PruningPlan:
    """The plan that removes exactly the units a state (bool U) drops."""
    kept = {group.root: tuple(group.channels(keep_U[group.units].nonzero().flatten())) for group in units.groups}
    return PruningPlan(kept, {group.root: group.width for group in units.groups})


def state_from_plan(units: UnitMap, plan: PruningPlan) -> Tensor:
    """The state (bool U) of a plan: the inverse of ``plan_from_state``. Groups it does not name keep all units.

    BadInputError if it names a group that these units lack.
    """
    groups = {group.root: group for group in units.groups}
    for root, width in plan.widths.items():
        reason = units.not_pruned.get(root)
        if root not in groups and reason:
            raise BadInputError(f"the plan does not fit the network: it cuts {root}, which is not pruned ({reason})")
        if root not in groups or groups[root].width != width:
            raise BadInputError(f"the plan does not fit the network: it expects a layer {root} of width {width}")
    keep = torch.zeros(units.total, dtype=torch.bool)
    for group in units.groups:
        channels = torch.tensor(plan.kept.get(group.root, range(group.width)))
        keep[group.first + group.unit_of_channel[channels]] = True
    return keep
