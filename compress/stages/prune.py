"""Search and removal: which units go, and the smaller network without them."""

import copy
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from compress.edropout.guided import GuidedPopulation, GuidedSettings
from compress.edropout.paper import PaperPopulation
from compress.edropout.population import Population, never_empty
from compress.edropout.search import Search, SearchSettings
from compress.stages.bench import Bench, Prunable, on_device, weights_file
from compress.stages.weights import recipe
from compress.structure.plan import PruningPlan, plan_from_state, state_from_plan
from compress.structure.remove import cut, remove_units
from compress.training.evaluate import recalibrate_batchnorm
from compress.training.loop import History, run_loop
from compress.training.optimizers import Recipe
from compress.training.weights import OptimizerSteps, check_left_chance

ENERGY_SHARE = 8
"""The default preset measures energies on one eighth of a mini-batch; the paper's on all of it."""

SEARCH_RATE = 0.5
"""The default preset's learning rate in the search, as a share of the recipe's: the network is trained already."""


MORE_SEARCH = "more --search-epochs, a milder budget, or start from trained --weights"


@dataclass(frozen=True)
class SearchResult:
    """The whole network after the search, the state it converged to (bool U), and the search's course."""

    network: nn.Module
    keep_U: Tensor
    history: History


def search(bench: Bench, original: nn.Module, prunable: Prunable) -> SearchResult:
    """Evolve pruning states while training a copy of the original.

    Raises:
        DivergedError: the network with its state is at chance.
    """
    name, config = "03_search", bench.config
    network = copy.deepcopy(original)
    if not bench.run.is_finished(name):
        epochs = config.search_epochs
        with bench.stage(name, steps=epochs * bench.steps_per_epoch):
            generator = torch.Generator().manual_seed(config.seed)
            population = _population(bench, prunable, generator)
            body = _body(bench, network, prunable, population)
            history = run_loop(body, bench.data.train, bench.loop_settings(name, epochs), bench.hooks(name))
            if config.preset != "paper":  # the paper trains the state for long after it has been fixed
                accuracy = body.validate(population.final()).accuracy
                check_left_chance(accuracy, bench.data.val.labels, advice=MORE_SEARCH)
            plan = plan_from_state(prunable.units, population.final())
            bench.run.write_text(f"{name}/plan.json", plan.to_json())
            bench.run.write_json(f"{name}/history.json", history)
            bench.save_network(weights_file(name), network)
    plan = PruningPlan.from_json(bench.run.read_text(f"{name}/plan.json"))
    network = bench.load_network(weights_file(name), network)
    keep = state_from_plan(prunable.units, plan)
    return SearchResult(network, keep, bench.run.read_json(f"{name}/history.json"))


def _population(bench: Bench, prunable: Prunable, generator: torch.Generator) -> Population:
    config = bench.config
    if config.preset == "paper":
        return PaperPopulation(prunable.units, population=config.population, generator=generator)
    settings = GuidedSettings(evolution=config.method != "saliency")
    return GuidedPopulation(prunable.constraint, settings, population=config.population, generator=generator)


def _body(bench: Bench, network: nn.Module, prunable: Prunable, population: Population) -> Search:
    config = bench.config
    epochs = config.search_epochs
    paper = config.preset == "paper"
    steps = OptimizerSteps(
        network, _search_recipe(bench, network), epochs=epochs, steps_per_epoch=bench.steps_per_epoch
    )
    settings = SearchSettings(
        total_steps=epochs * bench.steps_per_epoch,
        batch_size=config.batch_size,
        energy_images=config.batch_size if paper else max(1, config.batch_size // ENERGY_SHARE),
    )
    return Search(network, prunable.units, population, steps, bench.data.val, settings)


def _search_recipe(bench: Bench, network: nn.Module) -> Recipe:
    found = recipe(bench, network)
    return found if bench.config.preset == "paper" else found.scaled(SEARCH_RATE)


def remove(bench: Bench, found: SearchResult, prunable: Prunable) -> nn.Module:
    """Cut the dropped units out, prove the result equal to the masked network, measure BatchNorm anew.

    Raises:
        CheckFailedError: masked and smaller network differ.
    """
    name = "04_remove"
    images = bench.check_images()
    if not bench.run.is_finished(name):
        with bench.stage(name):
            result = remove_units(found.network, prunable.units, found.keep_U, images)
            norms = recalibrate_batchnorm(result.network, bench.data.train, batch_size=bench.config.batch_size)
            bench.run.write_text(f"{name}/plan.json", result.plan.to_json())
            bench.run.write_json(
                f"{name}/removal.json",
                {
                    "images": result.images,
                    "max_abs_difference": result.max_abs_difference,
                    "tolerance": result.tolerance,
                    "batchnorm_recalibrated": norms,
                    "layers": [asdict(layer) for layer in result.layers],
                },
            )
            bench.save_network(weights_file(name), result.network)
    plan = PruningPlan.from_json(bench.run.read_text(f"{name}/plan.json"))
    return bench.load_network(weights_file(name), on_device(cut(found.network, plan, images[:2]), bench.config.device))


def rehearse(prunable: Prunable, network: nn.Module, images: Tensor, *, seed: int) -> float:
    """Cut a random state before anything is trained, so that a network that cannot be cut fails in seconds.

    Returns:
        The largest difference of logits between masked and smaller network.

    Raises:
        CheckFailedError: they differ, or the cut network does not run.
    """
    generator = torch.Generator().manual_seed(seed)
    bits = torch.rand(1, prunable.units.total, generator=generator) < 0.5
    keep = never_empty(bits, prunable.units, generator)[0]
    return remove_units(network, prunable.units, keep, images[:8]).max_abs_difference
