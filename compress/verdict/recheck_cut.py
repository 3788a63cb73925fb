"""The cut of a run, made again from its folder: its equality, and what of the budget was reached."""

from dataclasses import dataclass, replace

from compress.channels.budget import Prunable
from compress.report.latency_facts import LatencyBudget
from compress.report.model import RemovalFacts
from compress.runs.json_files import Removal
from compress.runs.stage_context import (
    StageContext,
    check_images,
    find_prunable,
    fresh_network,
    recorded_target,
    weights_file,
)
from compress.structure.plan import PruningPlan, state_from_plan
from compress.structure.remove import remove_units
from compress.verdict.budget_reached import budget_note, finer_counts_note
from compress.verdict.latency_budget import corrected_share, latency_budget


@dataclass(frozen=True)
class RecheckedCut:
    """The equality of the cut, a note if budget is left over or counts go in other steps, and the latency budget."""

    removal: RemovalFacts
    note: str
    latency: LatencyBudget | None


def recheck_cut(context: StageContext) -> RecheckedCut:
    """Cut the searched network again by its plan; CheckFailedError if it differs."""
    run, config, data = context.run, context.config, context.data
    network, images = fresh_network(config, data), check_images(config, data)
    network.load_state_dict(run.load_tensors(weights_file("03_search")))
    prunable = find_prunable(config, network, images, target=recorded_target(run))
    keep_U = state_from_plan(prunable.units, PruningPlan.from_json(run.read_text("04_remove/plan.json")))
    again = remove_units(network, prunable.units, keep_U, images)
    removal = RemovalFacts(
        images=again.images,
        max_abs_difference=again.max_abs_difference,
        tolerance=again.tolerance,
        batchnorm_recalibrated=run.read_json("04_remove/removal.json", Removal)["batchnorm_recalibrated"] > 0,
    )
    counts_G = prunable.units.counts(keep_U.unsqueeze(0))[0]
    finer = finer_counts_note(prunable.multiples(config.align), align=config.align, target=config.has_target)
    share = corrected_share(run)
    last = prunable if share is None else replace(prunable, budget=replace(prunable.budget, latency=share))
    far = budget_note(last, counts_G, align=_widest_step(prunable) or config.align, seed=config.seed)
    note = ". ".join(filter(None, (*finer, far)))
    return RecheckedCut(removal, note, latency_budget(run, config, prunable, prunable.cost(keep_U).milliseconds))


def _widest_step(prunable: Prunable) -> int | None:
    """The widest step of counts, in channels, that goes with a latency budget."""
    if prunable.budget.latency is None:
        return None
    steps = zip(prunable.units.groups, prunable.counts.step.tolist(), strict=True)
    return max(step * group.tied for group, step in steps)
