"""The steps whose cost ``benchmarks.search_cost`` compares: a plain one, the paper's done naively, and ours.

Axes: P population, U units.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal

import torch
from torch import Tensor, nn

from benchmarks.search_populations import NaivePopulation, Watched
from compress.channels.budget import Budget, Prunable
from compress.channels.units import find_units
from compress.controls.methods import guided_population
from compress.data.bundle import DataBundle, Order
from compress.edropout.population import Population
from compress.edropout.search import Search, energies_on
from compress.runs.decide import decide, load_decided
from compress.runs.stage_context import fresh_network
from compress.settings.config import DecidedConfig, Method, RunConfig
from compress.settings.search import SearchSettings
from compress.training.objective import Objective
from compress.training.recipe import choose_recipe
from compress.training.weights import OptimizerSteps

BATCH = 64
SEARCH_STEPS = 1000
"""Length of the search; about the default run's on the bundled images. Its middle is measured: states evolve there."""

LEARNED = 200
"""Steps of which saliency is known when measuring begins."""

PERIODS = 64
"""Steps that hold a few periods, from one generation to the next."""


@dataclass(frozen=True)
class Case:
    """A network as a run begins it, and a mini-batch of the bundled images."""

    config: DecidedConfig
    data: DataBundle
    images: Tensor
    labels: Tensor

    def network(self) -> nn.Module:
        """The same fresh weights every time."""
        torch.manual_seed(0)
        return fresh_network(self.config, self.data)

    def prunable(self, network: nn.Module) -> Prunable:
        """The units and the budget of a run, without trial cuts."""
        units, budget = find_units(network, self.images[:2]), Budget(macs=self.config.keep_macs)
        return Prunable.measure(
            network, units, self.images[:1], align=self.config.align, budget=budget, finer=self.config.finer_align
        )


def load_case(arch: str, *, channels: Literal[1, 3], image_size: int | None = None) -> Case:
    """The case of a network; without ``image_size`` in the default size."""
    settings = RunConfig(arch=arch, channels=channels, image_size=image_size, batch_size=BATCH, threads=1)
    config, data = load_decided(decide(settings))
    images, labels = next(iter(data.train.batches(BATCH, order=Order(seed=0, epoch=0))))
    return Case(config, data, images, labels)


def ours(prunable: Prunable, population: int) -> Watched:
    """The default's population, or its ablation without one (P = 1), in the middle of a search."""
    method: Method = "edropout" if population > 1 else "saliency"
    generator = torch.Generator().manual_seed(0)
    found = Watched(guided_population(method, prunable, SearchSettings(), population=population, generator=generator))
    for _ in range(LEARNED):
        found.learn(torch.randn(prunable.units.total, generator=generator), 1.0)
    return found


def skip(population: Watched, step: int) -> None:
    """Go on by one step without a network: energies and gradient are noise."""
    population.evolve(lambda states_PU: torch.rand(len(states_PU)), progress=step / SEARCH_STEPS)
    population.learn(torch.randn(population.final().shape), 1.0)


def states_judged(population: int) -> Iterator[int]:
    """How many states each step judges from the middle of the search on: the same for every network."""
    network = nn.Sequential(nn.Conv2d(1, 16, 1), nn.Flatten(), nn.Linear(16, 2))
    units = find_units(network, torch.randn(2, 1, 1, 1))
    prunable = Prunable.measure(network, units, torch.randn(1, 1, 1, 1), align=1, budget=Budget(macs=0.5))
    watched = ours(prunable, population)
    for step in range(SEARCH_STEPS // 2, SEARCH_STEPS):
        skip(watched, step)
        yield watched.judged


def shares(judged: Sequence[int]) -> dict[int, float]:
    """States that a step judges -> the share of such steps, over whole periods from one generation to the next."""
    most = max(judged)
    begins = [place for place, count in enumerate(judged) if count == most]
    whole = judged[begins[0] : begins[-1]] or judged[:1]
    return {count: number / len(whole) for count, number in Counter(whole).items()}


def plain_steps(case: Case) -> Iterator[float]:
    """Seconds of one step of training after the other."""
    network = case.network()
    steps = _optimizer(case, network)
    while True:
        began = time.perf_counter()
        steps.take(steps.recipe.loss(steps.recipe.logits(network, case.images), case.labels))
        yield time.perf_counter() - began


def naive_steps(case: Case, population: int) -> Iterator[float]:
    """Seconds of one naive step after the other; the first one judges a single state."""
    network = case.network()
    prunable = case.prunable(network)
    for judged in (1, population):
        search = naive_search(case, network, prunable, population=judged)
        yield _timed(lambda: search.step(case.images, case.labels))  # noqa: B023
    while True:
        yield _timed(lambda: search.step(case.images, case.labels))


def naive_search(case: Case, network: nn.Module, prunable: Prunable, *, population: int) -> Search:
    """The search whose states are judged one by one, on the whole mini-batch."""
    naive = NaivePopulation(prunable.units.total, population=population)
    return _search(case, network, prunable, naive, SearchSettings(images=BATCH))


def our_steps(case: Case, population: int) -> Iterator[float]:
    """Mean seconds of a step over a period of the search, one period after the other.

    Of every kind of step (by the states it judges) one is timed, the others of the period are skipped.
    """
    network = case.network()
    prunable = case.prunable(network)
    watched = ours(prunable, population)
    search = _search(case, network, prunable, watched, SearchSettings())
    to_come = states_judged(population)
    judged = list(islice(to_come, PERIODS))
    kinds = shares(judged)
    seconds: dict[int, float] = {}
    for step, count in enumerate(chain(judged, to_come), start=SEARCH_STEPS // 2):
        search.steps_done = step
        if count in kinds.keys() - seconds.keys():
            seconds[count] = _timed(lambda: search.step(case.images, case.labels))
            if watched.judged != count:
                raise RuntimeError(f"expected step {step} to judge {count} states, it judged {watched.judged}")
        else:
            skip(watched, step)
        if seconds.keys() == kinds.keys():
            yield sum(kinds[count] * seconds[count] for count in kinds)
            seconds = {}


def generations(case: Case, population: int) -> Iterator[dict[str, float]]:
    """What one generation after the other takes beside training: states judged, seconds of energies and of the rest."""
    network = case.network()
    prunable = case.prunable(network)
    watched = ours(prunable, population)
    few = SearchSettings().images
    energy_of = energies_on(network, prunable.units, case.images[:few], case.labels[:few])
    facts = {"units": prunable.units.total, "groups": len(prunable.units.groups), "images": few}
    most = 0
    for step, count in enumerate(states_judged(population), start=SEARCH_STEPS // 2):
        most = max(most, count)
        if count < most:
            skip(watched, step)
            continue
        watched.evolve(energy_of, progress=step / SEARCH_STEPS)
        watched.learn(torch.randn(prunable.units.total), 1.0)
        rest = watched.evolve_seconds - watched.energy_seconds
        yield facts | {"states": watched.judged, "energies": watched.energy_seconds, "repair": rest}


def _optimizer(case: Case, network: nn.Module) -> OptimizerSteps:
    return OptimizerSteps(network, choose_recipe(network, case.config), epochs=1, steps_per_epoch=100 * SEARCH_STEPS)


def _search(
    case: Case, network: nn.Module, prunable: Prunable, population: Population, settings: SearchSettings
) -> Search:
    """The loop body of a run's search, without a teacher."""
    steps = _optimizer(case, network)
    return Search(
        network=network,
        units=prunable.units,
        population=population,
        steps=steps,
        objective=Objective(steps.recipe),
        val=case.data.val,
        settings=settings,
        total_steps=SEARCH_STEPS,
        batch_size=BATCH,
    )


def _timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began
