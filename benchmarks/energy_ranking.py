"""How well energies rank states, and what a low energy is worth in the end.

States have random allocations within the budget of a finished run. In the trained original, where its search began,
their energies on a few images are compared with those on other, many images: by rank correlation, and by how much the
energy of the chosen state of 16 is above the best one's. Some of them are then trained as the run's own state was:
push, cut, fine-tuning, in several orders of the images; so are the run's state, and those that other methods choose in
the trained original. The same command goes on where it was stopped.

Example: python -m benchmarks.energy_ranking runs/NAME --trained 12 --rivals l1,thinet

Axes: S states, R rounds of images, U units, G groups.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from benchmarks.energy_ranking_table import page
from compress.channels.budget import Prunable
from compress.channels.masks import masked
from compress.controls.methods import ONE_SHOT
from compress.controls.task import Task
from compress.data.bundle import DataBundle, Order
from compress.edropout.search import energies_on
from compress.environment import describe_environment
from compress.observer import Observer
from compress.race.folders import state_of
from compress.report.model import recorded_report
from compress.run.found import PLAN, SearchResult
from compress.run.pipeline import prepare, run_pipeline
from compress.runs import RunFolder
from compress.runs.recorded_inputs import ORIGINAL, record_inputs
from compress.runs.stage_context import StageContext, check_images, find_prunable, fresh_network
from compress.settings.config import DecidedConfig
from compress.settings.fields import parse_list
from compress.settings.verify import VerifySettings
from compress.structure.plan import PruningPlan, state_from_plan

RESULTS: Final = Path(__file__).parent / "energy_ranking.json"
STATES, GENERATION, IMAGES = 48, 16, 32
ROUNDS = 32
"""Rounds of 32 images: the first half judges, the second half says what is right."""

LEARNED = 30
"""Mini-batches of which saliency is known."""


@dataclass(frozen=True)
class Ranking:
    """How well energies on ``images`` images rank states: mean rank correlation, and the energy lost by choosing."""

    images: int
    correlation: float
    regret: float


@dataclass(frozen=True)
class Source:
    """A finished run, and what its search began with."""

    run: RunFolder
    config: DecidedConfig
    data: DataBundle
    network: nn.Module
    prunable: Prunable


def main() -> None:
    """Measure and train states of a run's trained original, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a finished run of the default method")
    parser.add_argument("--trained", type=int, default=0, help="how many random states are trained")
    parser.add_argument("--rivals", type=parse_list, default=[], help="methods whose states are trained, too")
    parser.add_argument("--orders", type=int, default=2, help="in how many orders of the images each of them is")
    parser.add_argument("--out", type=Path, default=Path("runs/energy_ranking"), help="folder of their run folders")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    source = _open(arguments.run)
    states_SU = random_states(source)
    energies_RS = energies(source, states_SU)
    chosen = {str(place): states_SU[place] for place in range(arguments.trained)}
    if chosen:
        chosen |= {name: state_by(name, source) for name in [source.config.method, *arguments.rivals]}
    energy = dict(zip(chosen, energies(source, torch.stack([*chosen.values()])).mean(0).tolist(), strict=True))
    trained = [
        {"state": name, "order": order, "energy": energy[name], "top1": top1}
        for order in range(arguments.orders)
        for name, state_U in chosen.items()
        for top1 in [train(source, state_U, arguments.out / f"{name}-order{order}", order=order)]
    ]
    results = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "arch": source.config.arch, "keep_macs": source.config.keep_macs,
        "environment": describe_environment(threads=1, seed=0),
        "spread": float(energies_RS.mean(0).std()), "noise": float(differences(energies_RS).std(0).mean()),
        "ranking": [asdict(one) for one in rank(energies_RS)], "trained": trained,
    }  # fmt: skip
    arguments.results.write_text(json.dumps(results, indent=1) + "\n")
    arguments.results.with_suffix(".md").write_text(page(results))


def _open(path: Path) -> Source:
    run = RunFolder.open(path)
    config, data = prepare(run.read_config())
    torch.set_num_threads(1)
    network = fresh_network(config, data)
    prunable = find_prunable(config, network, check_images(config, data))
    network.load_state_dict(run.load_tensors(f"{ORIGINAL[1]}/weights.safetensors"))
    return Source(run, config, data, network.eval(), prunable)


def random_states(source: Source) -> Tensor:
    """States, bool (S, U), of random allocations; the first is that of saliency alone."""
    units, generator = source.prunable.units, torch.Generator().manual_seed(0)
    offsets_SG = (0.5 * torch.randn(STATES, len(units.groups), generator=generator)).clamp(-1, 1)
    offsets_SG[0] = 0.0
    costs_G = source.prunable.unit_costs(torch.ones(units.total, dtype=torch.bool)).log().float()
    keys_U = 0.5 * saliency(source.network, source.prunable, source.data).log()
    return source.prunable.repair(keys_U + (offsets_SG - 0.5 * costs_G)[:, units.group_of_unit])


def state_by(method: str, source: Source) -> Tensor:
    """The state, bool (U,), that a method chooses at once in the trained original, or that the run itself has found."""
    run, config, units = source.run, source.config, source.prunable.units
    if method == config.method:
        return state_from_plan(units, PruningPlan.from_json(run.read_text(PLAN)))
    task = Task(
        source.network, source.prunable, source.data.train, config.batch_size, config.seed,
        fresh_network=lambda: fresh_network(config, source.data),
    )  # fmt: skip
    choose = {str(name): one for name, one in ONE_SHOT.items()}[method]
    return choose(task).keep_U


def energies(source: Source, states_SU: Tensor) -> Tensor:
    """Energies (R, S) on rounds of 32 training images."""
    rounds = islice(_rounds(source.data, epoch=1), ROUNDS)
    units = source.prunable.units
    return torch.stack([energies_on(source.network, units, images, labels)(states_SU) for images, labels in rounds])


def train(source: Source, state_U: Tensor, path: Path, *, order: int) -> float:
    """Top-1, in percent, of the network that a state ends as: what follows the search in an ordinary run."""
    config = source.config.model_copy(update={"seed": source.config.seed + order})
    if state_of(path) == "new" or not RunFolder.open(path).has(PLAN):
        with RunFolder.create(path, config, overwrite=True) as run:  # an interrupted creation may have left files
            data = prepare(config)[1]
            record_inputs(run, config, data)
            run.copy_stages(source.run, ORIGINAL)
            context = StageContext(config, data, run, Observer(), lambda: None)
            SearchResult(source.network, state_U, epochs_behind=config.search_end).save_state(context, source.prunable)
    if state_of(path) != "finished":
        verify = VerifySettings(batch_sizes=(1,), threads=(1,), seconds=0.1, seed=config.seed)
        run_pipeline(config, out=path, mode="resume", verify=verify)
    top1 = 100 * recorded_report(RunFolder.open(path)).candidate.accuracy.top1.value
    sys.stderr.write(f"{path.name}: {top1:.2f}\n")
    return top1


def saliency(network: nn.Module, prunable: Prunable, data: DataBundle) -> Tensor:
    """Mean square (U,) of the mask's gradient."""
    total_U = torch.zeros(prunable.units.total)
    for images, labels in islice(data.train.batches(64, order=Order(seed=0, epoch=0)), LEARNED):
        keep_U = torch.ones(prunable.units.total, requires_grad=True)
        with masked(network, prunable.units, keep_U):
            nn.functional.cross_entropy(network(images), labels).backward()
        assert keep_U.grad is not None
        total_U += keep_U.grad.square()
    return total_U / LEARNED + 1e-30


def _rounds(data: DataBundle, *, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in data.train.batches(2 * IMAGES, order=Order(seed=0, epoch=epoch)):
        yield images[:IMAGES], labels[:IMAGES]
        yield images[IMAGES:], labels[IMAGES:]


def differences(energies_RS: Tensor) -> Tensor:
    """What images say of a state beyond what they say of all, and beyond what the state is: the noise (R, S)."""
    relative_RS = energies_RS - energies_RS.mean(1, keepdim=True)
    return relative_RS - relative_RS.mean(0)


def rank(energies_RS: Tensor) -> list[Ranking]:
    """One ``Ranking`` for 1, 2, 4 and 8 rounds of images."""
    half = len(energies_RS) // 2
    judges_RS, right_S = energies_RS[:half], energies_RS[half:].mean(0)
    rankings = []
    for rounds in (1, 2, 4, 8):
        means = [part.mean(0) for part in judges_RS[: half - half % rounds].split(rounds)]
        correlations = [float(spearmanr(mean_S, right_S).statistic) for mean_S in means]
        regrets = [regret(mean_S, right_S) for mean_S in means]
        rankings.append(Ranking(rounds * IMAGES, _mean(correlations), _mean(regrets)))
    return rankings


def regret(judged_S: Tensor, right_S: Tensor) -> float:
    """How far the state of lowest judged energy is above the lowest, mean over generations of 16 states."""
    generations = zip(judged_S.split(GENERATION), right_S.split(GENERATION), strict=True)
    return _mean([float(right[judged.argmin()] - right.min()) for judged, right in generations])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
