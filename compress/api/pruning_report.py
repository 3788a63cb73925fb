"""How far a pruner is: the budget, the channels of each layer, and why others are not pruned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from compress.channels.budget import Prunable
from compress.report.figures import count, percent
from compress.report.sections import Document, Section, table_of
from compress.report.terminal import render_text


class LayerChannels(NamedTuple):
    """A layer whose channels are pruned one by one; other layers follow it."""

    layer: str
    kept: int
    """Channels that the state in use keeps."""
    channels: int
    """Channels of the whole layer."""


@dataclass(frozen=True)
class PruningReport:
    """What the state in use keeps; ``str`` or ``print`` gives a table."""

    progress: float
    """Share of the search that is done."""
    macs: int
    """Multiply-accumulates of the whole model for one image."""
    kept_macs: float
    """Share of them that is kept."""
    parameters: int
    """Parameters of the whole model."""
    kept_parameters: float
    """Share of them that is kept."""
    layers: tuple[LayerChannels, ...]
    """The layers that are pruned."""
    not_pruned: Mapping[str, str]
    """Layer that is not pruned -> why."""

    def __str__(self) -> str:
        columns = [("layer", lambda row: row.layer), ("kept", lambda row: row.kept), ("of", lambda row: row.channels)]
        reasons = tuple(f"{layer} is not pruned: {reason}" for layer, reason in self.not_pruned.items())
        shares = (
            f"{percent(self.kept_macs)} of {count(self.macs)} MACs and {percent(self.kept_parameters)} of "
            f"{count(self.parameters)} parameters kept"
        )
        section = Section("Channels", texts=reasons, tables=(table_of("Channels", self.layers, columns),))
        title = f"{percent(self.progress)} of the search done"
        document = Document(command="pruner", title=title, headlines=(shares,), sections=(section,), footer="")
        return render_text(document)


def describe_state(prunable: Prunable, keep_U: Tensor, *, progress: float) -> PruningReport:
    """The report on a state, bool (U,)."""
    counts_G = prunable.units.counts(keep_U.unsqueeze(0))[0]
    cost, full = prunable.cost(keep_U), prunable.model.full
    groups = zip(prunable.units.groups, counts_G.tolist(), strict=True)
    return PruningReport(
        progress=progress,
        macs=full.macs,
        kept_macs=cost.macs / full.macs,
        parameters=full.parameters,
        kept_parameters=cost.parameters / full.parameters,
        layers=tuple(LayerChannels(group.root, kept * group.tied, group.width) for group, kept in groups),
        not_pruned=prunable.units.not_pruned_before_head,
    )
