"""What a search has found, and where the run folder keeps it."""

from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.runs.stage_context import StageContext
from compress.structure.plan import PruningPlan, plan_from_state, state_from_plan

STAGE: Final = "03_search"
PLAN: Final = f"{STAGE}/plan.json"

KEYS: Final = f"{STAGE}/keys.safetensors"
"""Where a run with a latency budget keeps the priority of every unit."""

_BEHIND: Final = f"{STAGE}/epochs_behind.json"


@dataclass(frozen=True)
class SearchResult:
    """The whole network that is cut, the state it is cut by, bool (U), and the epochs of the schedule behind it.

    ``keys_U`` is the method's priority of every unit, float (U), for a second cut; ``None`` if it has none.
    """

    network: nn.Module
    keep_U: Tensor
    epochs_behind: int
    keys_U: Tensor | None = None

    def save_state(self, context: StageContext, prunable: Prunable) -> None:
        """Save all but the network."""
        run = context.run
        run.write_json(_BEHIND, self.epochs_behind)
        if context.config.has_target and self.keys_U is not None:
            run.save_tensors(KEYS, {"keys": self.keys_U})
        run.write_text(PLAN, plan_from_state(prunable.units, self.keep_U).to_json())

    def save(self, context: StageContext, prunable: Prunable) -> None:
        """Save all."""
        self.save_state(context, prunable)
        context.save_network(STAGE, self.network)


def read_found(context: StageContext, network: nn.Module, prunable: Prunable) -> SearchResult:
    """What was saved, with this network."""
    run = context.run
    return SearchResult(
        network=network,
        keep_U=state_from_plan(prunable.units, PruningPlan.from_json(run.read_text(PLAN))),
        epochs_behind=run.read_json(_BEHIND, int),
        keys_U=run.load_tensors(KEYS)["keys"] if run.has(KEYS) else None,
    )
