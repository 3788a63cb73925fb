"""A run's networks as modules again: built by name, cut by the plan, weights loaded strictly. No pickle, no data."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import nn

from compress.errors import BadInputError, UsageError
from compress.networks.find import find_network
from compress.networks.own_code import wrap_code
from compress.runs import MODEL_FACTS, RunFolder
from compress.runs.stage_context import weights_file
from compress.structure.plan import PruningPlan
from compress.structure.remove import cut

Which = Literal["pruned", "original"]


def load(run: str | Path, network: Which = "pruned", *, build: Callable[[int], nn.Module] | None = None) -> nn.Module:
    """A network of a finished run, on the CPU, in evaluation mode; it can be trained further.

    The numbers come from the run folder alone and are checked against its checksums.

    Args:
        run: the run folder.
        network: "pruned", or "original", the one the report compares it with.
        build: for a run of your own network, the function that built it: a run folder makes no code run.

    Returns:
        A module from images (B, C, H, W), normalised as ``artifacts/model.json`` says, to logits (B, K).

    Raises:
        UsageError: no such network; ``build`` is missing, not wanted, or fails.
        BadInputError: no run folder, an export that has not taken place yet, a file that was changed.
    """
    if network not in get_args(Which):
        raise UsageError(f"expected network 'pruned' or 'original', got {network!r}")
    folder = RunFolder.open(Path(run))
    config = folder.read_config().with_code(wrap_code(build) if build else None)
    facts = folder.read_json(MODEL_FACTS)
    channels, size = facts["channels"], facts["image_size"]
    try:
        architecture = find_network(config.arch, model=config.model, code=config.code)
        with torch.random.fork_rng(devices=[]):  # fresh weights are drawn, and overwritten
            module = architecture.build(classes=len(facts["classes"]), channels=channels, image_size=size)
    except (UsageError, ValueError) as error:
        if config.model is not None:
            raise
        raise BadInputError(f"{folder.path} holds no network that this version can build: {error}") from None
    if network == "pruned":
        plan = PruningPlan.from_json(folder.read_text("04_remove/plan.json"))
        module, stage = cut(module.eval(), plan, torch.zeros(2, channels, size, size)), "05_finetune"
    else:
        stage = "02_original" if trained_here(folder) else "01_baseline"
    try:
        module.load_state_dict(folder.load_tensors(weights_file(stage)))
    except RuntimeError as error:
        raise BadInputError(f"{folder.path}/{weights_file(stage)} does not fit its network: {error}") from None
    return module.eval()


def trained_here(folder: RunFolder) -> bool:
    """False if the run's original is the user's own network, used unchanged."""
    return folder.read_config().weights is None or folder.read_json("01_baseline/epochs.json") > 0
