"""Search: the method chooses which units are pruned. Removal: the smaller network without them."""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.controls.methods import ONE_SHOT, check_applies, guided_population
from compress.controls.task import Task
from compress.data.bundle import DataBundle
from compress.edropout.paper import PaperPopulation
from compress.edropout.population import Population
from compress.edropout.search import Search
from compress.run.training_stages import baseline_epochs, recipe
from compress.runs.stage_context import StageContext, check_images, fresh_network
from compress.settings.config import DecidedConfig
from compress.structure.plan import PruningPlan, plan_from_state, state_from_plan
from compress.structure.remove import cut, remove_units
from compress.training.evaluate import recalibrate_batchnorm
from compress.training.loop import History
from compress.training.weights import OptimizerSteps, check_left_chance
from exporters.module_copy import copy_module

SEARCH_RATE = 0.5
"""The default preset's learning rate in the search, as a share of the recipe's: the network is trained already."""

LAST_SEED = 2**31 - 1
"""A network trained from fresh weights draws others than the baseline began with: its seed is this less the run's."""

MORE_SEARCH = "more --search-epochs, a milder budget, or trained --weights"


@dataclass(frozen=True)
class SearchResult:
    """The whole network that is cut, the state it is cut by, bool (U), and epochs of training behind its weights."""

    network: nn.Module
    keep_U: Tensor
    epochs_behind: int


def search(context: StageContext, original: nn.Module, prunable: Prunable) -> SearchResult:
    """Let the run's method choose a state of a copy of the original; DivergedError if training left it at chance."""
    name, run = "03_search", context.run
    if not run.is_finished(name):
        find = _choose if context.config.method in ONE_SHOT else _evolve
        find(context, original, prunable)
    plan = PruningPlan.from_json(run.read_text(f"{name}/plan.json"))
    return SearchResult(
        network=context.load_network(name, original),
        keep_U=state_from_plan(prunable.units, plan),
        epochs_behind=run.read_json(f"{name}/epochs_behind.json"),
    )


def remove(context: StageContext, found: SearchResult, prunable: Prunable) -> nn.Module:
    """Cut the dropped units out, compare with the masked network (CheckFailedError), measure BatchNorm anew."""
    name, run, config = "04_remove", context.run, context.config
    images = check_images(config, context.data)
    if not run.is_finished(name):
        with context.stage(name):
            result = remove_units(found.network, prunable.units, found.keep_U, images)
            if not result.conclusive:
                context.observer.note("the logits hardly depend on the image: that they stay the same says little")
            norms = recalibrate_batchnorm(result.network, context.data.train, batch_size=config.batch_size)
            run.write_text(f"{name}/plan.json", result.plan.to_json())
            facts = {
                "images": result.images,
                "max_abs_difference": result.max_abs_difference,
                "tolerance": result.tolerance,
                "batchnorm_recalibrated": norms,
                "layers": [asdict(layer) for layer in result.layers],
            }
            run.write_json(f"{name}/removal.json", facts)
            context.save_network(name, result.network)
    plan = PruningPlan.from_json(run.read_text(f"{name}/plan.json"))
    return context.load_network(name, cut(found.network, plan, images[:2]))


def check_method(config: DecidedConfig, data: DataBundle, network: nn.Module, prunable: Prunable) -> None:
    """UsageError if the method cannot be used on this network, BadInputError if the plan it needs cannot be read."""
    check_applies(config.method, _task(config, data, network, prunable))


def _choose(context: StageContext, original: nn.Module, prunable: Prunable) -> None:
    """A state at once; nothing is trained here."""
    with context.stage("03_search"):
        choice = ONE_SHOT[context.config.method](_task(context.config, context.data, original, prunable))
        behind = 0 if choice.fresh else baseline_epochs(context)
        _save(context, SearchResult(choice.network, choice.keep_U, behind), prunable, history=[])


def _evolve(context: StageContext, original: nn.Module, prunable: Prunable) -> None:
    """States evolve while a copy of the original is trained."""
    name, config, epochs = "03_search", context.config, context.config.search_epochs
    network = copy_module(original)
    with context.stage(name, steps=epochs * context.steps_per_epoch):
        population = _population(config, prunable)
        body = _body(context, network, prunable, population)
        history = context.train(name, body, epochs)
        if config.preset != "paper":  # the paper trains the state for long after it has been fixed
            accuracy = body.validate(population.final()).accuracy
            check_left_chance(accuracy, context.data.val.labels, advice=MORE_SEARCH)
        found = SearchResult(network, population.final(), baseline_epochs(context) + len(history))
        _save(context, found, prunable, history=history)


def _save(context: StageContext, found: SearchResult, prunable: Prunable, *, history: History) -> None:
    name, run = "03_search", context.run
    run.write_text(f"{name}/plan.json", plan_from_state(prunable.units, found.keep_U).to_json())
    run.write_json(f"{name}/history.json", history)
    run.write_json(f"{name}/epochs_behind.json", found.epochs_behind)
    context.save_network(name, found.network)


def _task(config: DecidedConfig, data: DataBundle, network: nn.Module, prunable: Prunable) -> Task:
    other = config.model_copy(update={"seed": LAST_SEED - config.seed})
    return Task(
        network=network,
        prunable=prunable,
        train=data.train,
        batch_size=config.batch_size,
        seed=config.seed,
        fresh_network=lambda: fresh_network(other, data),
        plan=config.plan,
    )


def _population(config: DecidedConfig, prunable: Prunable) -> Population:
    generator = torch.Generator().manual_seed(config.seed)
    if config.preset == "paper":
        return PaperPopulation(prunable.units, population=config.population, generator=generator)
    return guided_population(config.method, prunable, population=config.population, generator=generator)


def _body(context: StageContext, network: nn.Module, prunable: Prunable, population: Population) -> Search:
    config, steps_per_epoch = context.config, context.steps_per_epoch
    chosen = recipe(config, network, epochs_behind=baseline_epochs(context))
    if config.preset != "paper":
        chosen = replace(chosen, learning_rate=chosen.learning_rate * SEARCH_RATE)
    steps = OptimizerSteps(network, chosen, epochs=config.search_epochs, steps_per_epoch=steps_per_epoch)
    return Search(
        network, prunable.units, population, steps, context.data.val,
        total_steps=config.search_epochs * steps_per_epoch, batch_size=config.batch_size
    )  # fmt: skip
