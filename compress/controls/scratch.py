"""Train the same small shape from fresh weights (Liu et al., ICLR 2019): are inherited weights worth anything?

Axes: U units, C input channels of a layer.
"""

from pathlib import Path

import torch
from torch import Tensor

from compress.channels.budget import Prunable
from compress.controls.task import Choice, Task
from compress.controls.weights import scale_inputs
from compress.errors import UsageError
from compress.exporter_faults import read_file
from compress.structure.plan import MAX_PLAN_BYTES, PruningPlan, state_from_plan


def choose_scratch(task: Task) -> Choice:
    """The state of the plan, in a network with fresh weights; errors as ``planned_state``.

    The weights of every layer that reads fewer inputs are scaled by sqrt(inputs / kept inputs): they were drawn for all
    inputs (He et al. 2015: variance 2 / inputs), and signals would fade from layer to layer.
    """
    keep_U = planned_state(task.plan, task.prunable)
    network = task.fresh_network()
    reads, _ = task.prunable.units.kept_channels(keep_U)
    for name, kept_C in reads.items():
        scale_inputs(network.get_submodule(name), (kept_C.double().mean() ** -0.5).expand(len(kept_C)))
    return Choice(keep_U, network)


def planned_state(plan: Path | None, prunable: Prunable) -> Tensor:
    """The state, bool U, that another run's plan keeps.

    BadInputError if the plan cannot be read; UsageError if it does not fit the network, the alignment or the budget.
    """
    if plan is None:
        raise UsageError("method scratch trains the shape of a plan: expected --plan RUN/04_remove/plan.json, got none")
    found = PruningPlan.from_json(read_file(plan, limit=MAX_PLAN_BYTES, kind="plan"), source=plan)
    units = prunable.units
    widths = {group.root: group.width for group in units.groups}
    for root, width in sorted(found.widths.items() - widths.items()):
        raise UsageError(
            f"the plan {plan} is of another network: expected a layer {root:.200} with {width} channels to prune, "
            f"got {widths.get(root, 'none')}; try the --arch and --image-size of its run"
        )
    keep_U = state_from_plan(units, found)
    counts = units.counts(keep_U.unsqueeze(0))
    if not torch.equal(prunable.counts.round(counts), counts):
        raise UsageError(f"the plan {plan} keeps other counts than this --align allows: try the --align of its run")
    if (prunable.model.costs(counts)[0] > prunable.budget.limits(prunable.model)).any():
        share = prunable.model.cost(counts[0]).macs / prunable.model.full.macs
        raise UsageError(f"the plan {plan} keeps {share:.1%} of the MACs, more than was asked: try its run's budget")
    return keep_U
