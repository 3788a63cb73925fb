"""How well energies on a few images rank states, on the networks of a finished run.

States have random allocations within the run's budget. Their energies on a few images are compared with those on
other, many images: by rank correlation, and by how much the energy of the chosen state of 16 is above the best one's.

Example: python -m benchmarks.energy_ranking runs/NAME

Axes: S states, R rounds of images, U units, G groups.
"""

import argparse
import json
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
from compress.data.bundle import DataBundle, Order
from compress.edropout.search import energies_on
from compress.environment import describe_environment
from compress.run.pipeline import prepare
from compress.runs import STAGES, RunFolder
from compress.runs.stage_context import check_images, find_prunable, fresh_network

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


def main() -> None:
    """Measure the two networks of a run, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a finished run of the default method")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    run = RunFolder.open(arguments.run)
    config, data = prepare(run.read_config())
    torch.set_num_threads(1)
    network = fresh_network(config, data)
    prunable = find_prunable(config, network, check_images(config, data))
    rows = []
    for stage in (STAGES[0], STAGES[2]):
        network.load_state_dict(run.load_tensors(f"{stage}/weights.safetensors"))
        energies_RS = random_energies(network, prunable, data)
        spread, noise = float(energies_RS.mean(0).std()), float(differences(energies_RS).std(0).mean())
        rows.append(
            {"stage": stage, "spread": spread, "noise": noise, "ranking": [asdict(r) for r in rank(energies_RS)]}
        )
    results = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "arch": config.arch, "keep_macs": config.keep_macs,
        "environment": describe_environment(threads=1, seed=0), "rows": rows,
    }  # fmt: skip
    arguments.results.write_text(json.dumps(results, indent=1) + "\n")
    arguments.results.with_suffix(".md").write_text(page(results))


def random_energies(network: nn.Module, prunable: Prunable, data: DataBundle) -> Tensor:
    """Energies (R, S) of random allocations, the first of which is saliency alone, on rounds of 32 training images."""
    network.eval()
    units, generator = prunable.units, torch.Generator().manual_seed(0)
    offsets_SG = (0.5 * torch.randn(STATES, len(units.groups), generator=generator)).clamp(-1, 1)
    offsets_SG[0] = 0.0
    costs_G = prunable.unit_costs(torch.ones(units.total, dtype=torch.bool)).log().float()
    keys_SU = 0.5 * saliency(network, prunable, data).log() + (offsets_SG - 0.5 * costs_G)[:, units.group_of_unit]
    states_SU = prunable.repair(keys_SU)
    rounds = islice(_rounds(data, epoch=1), ROUNDS)
    return torch.stack([energies_on(network, units, images, labels)(states_SU) for images, labels in rounds])


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
