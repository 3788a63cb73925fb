"""A pruning plan: the kept channels of each layer, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from compress.channels.units import UnitMap
from compress.errors import BadInputError

FORMAT = "compress-pruning-plan/1"


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
    def from_json(cls, text: str) -> "PruningPlan":
        """Read a plan back; BadInputError if the text is not a plan, or names channels that do not exist."""
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise BadInputError(f"expected a plan of format {FORMAT}, got {document['format']!r}")
            layers = document["layers"].items()
            kept = {str(root): tuple(map(int, layer["kept"])) for root, layer in layers}
            widths = {str(root): int(layer["width"]) for root, layer in layers}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInputError(f"not a pruning plan: {type(error).__name__}: {error}") from None
        for root, channels in kept.items():
            if not channels or list(channels) != sorted(set(channels) & set(range(widths[root]))):
                raise BadInputError(f"plan keeps impossible channels in {root} (width {widths[root]})")
        return cls(kept, widths)


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
