"""The equalities of a run, checked again from the run folder: masked and cut network, file and module, MACs."""

from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.data.bundle import DataBundle
from compress.errors import CheckFailedError
from compress.report.model import RemovalFacts
from compress.runs import RunFolder
from compress.runs.file_records import FileRecord, Role
from compress.runs.load_network import Which, load
from compress.runs.network_file import prove_parity
from compress.runs.stage_context import check_images, find_prunable, fresh_network, weights_file
from compress.settings.config import DecidedConfig
from compress.structure.plan import PruningPlan, state_from_plan
from compress.structure.remove import remove_units
from exporters.read.cost import count_cost

REBUILT: Final[dict[Role, Which]] = {"original": "original", "candidate": "pruned"}
"""Roles whose networks ``load`` rebuilds; other rows keep the parity that their export proved."""


@dataclass(frozen=True)
class FoundState:
    """What a run's search found: the unpruned network and the state it is cut by (bool U)."""

    network: nn.Module
    prunable: Prunable
    keep_U: Tensor


def find_again(run: RunFolder, config: DecidedConfig, data: DataBundle) -> FoundState:
    """The searched network and its state, from the run folder."""
    network = fresh_network(config, data)
    network.load_state_dict(run.load_tensors(weights_file("03_search")))
    prunable = find_prunable(config, network, check_images(config, data))
    plan = PruningPlan.from_json(run.read_text("03_search/plan.json"))
    return FoundState(network, prunable, state_from_plan(prunable.units, plan))


def recheck_removal(run: RunFolder, found: FoundState, images: Tensor) -> RemovalFacts:
    """Cut the searched network again by its plan; CheckFailedError if it differs from the masked one on ``images``."""
    recorded = run.read_json("04_remove/removal.json")
    again = remove_units(found.network, found.prunable.units, found.keep_U, images)
    return RemovalFacts(
        images=again.images,
        max_abs_difference=again.max_abs_difference,
        tolerance=again.tolerance,
        batchnorm_recalibrated=recorded["batchnorm_recalibrated"] > 0,
    )


def recheck_file(run: RunFolder, file: FileRecord, config: DecidedConfig, data: DataBundle) -> FileRecord:
    """A recorded file, its parity with the rebuilt module proved again and its MACs counted in its own graph.

    CheckFailedError if it gives other answers than the module, or has other MACs than recorded.
    """
    path = run.path / file.file
    macs = count_cost(path).macs
    if macs != file.macs:
        raise CheckFailedError(f"{file.file}: expected {file.macs:,} MACs as on record, its graph has {macs:,}")
    if file.parity is None or file.role not in REBUILT:
        return file
    images = check_images(config, data).cpu()
    network = load(run.path, network=REBUILT[file.role], build=config.code.build if config.code else None)
    return file.model_copy(update={"parity": prove_parity(network, path, images, threads=config.threads)})
