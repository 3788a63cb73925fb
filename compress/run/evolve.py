"""States evolve in a copy of the trained original; then the unpruned network loses what the found state drops.

With the paper's preset, and without the push, the network that states evolve in is itself cut.
"""

from dataclasses import replace
from typing import Final

import torch
from torch import nn

from compress.channels.budget import Prunable
from compress.controls.methods import guided_population
from compress.edropout.paper import PaperPopulation
from compress.edropout.population import Population
from compress.edropout.push import PushTraining
from compress.edropout.search import Search
from compress.run.found import PLAN, STAGE, SearchResult, read_found
from compress.run.training_stages import objective
from compress.runs.stage_context import PUSH, PUSHED, StageContext
from compress.settings.config import DecidedConfig
from compress.settings.methods import GUIDED
from compress.settings.search import SearchSettings
from compress.training.epochs import Epochs
from compress.training.weights import OptimizerSteps, WeightSettings, check_left_chance
from exporters.module_copy import copy_module

SMALL: Final = 0.2
"""Smaller budgets are searched for twice as long: an eighth gains by it (``docs/measurements.md``)."""

_MORE_SEARCH: Final = "more --epochs, a milder budget, or trained --weights"


def pushes(config: DecidedConfig) -> bool:
    """Whether the search finds the state alone, and a push follows."""
    return config.preset == "default" and config.method in GUIDED and config.search.push


def search_epochs(config: DecidedConfig) -> Epochs:
    """The epochs in which states evolve: a part of those from ``search_start`` to ``search_end`` if a push follows."""
    first, last = config.search_start, config.search_end
    if pushes(config):
        length = config.search.length * (2 if config.budget_share < SMALL else 1)
        last = first + max(1, round(min(1.0, length) * (last - first)))
    return Epochs(first, last, config.epochs)


def evolve(context: StageContext, before: nn.Module, teacher: nn.Module, prunable: Prunable) -> None:
    """The stage: a search, and a push that goes on from before it."""
    epochs = search_epochs(context.config)
    with context.stage(STAGE, steps=epochs.count * context.steps_per_epoch):
        if not pushes(context.config):
            found = _search(context, copy_module(before), teacher, prunable, epochs)
        else:
            if not context.run.has(PLAN):  # else it was stopped in the push
                _search(context, copy_module(teacher), teacher, prunable, epochs).save_state(context, prunable)
            found = _push(context, before, teacher, prunable, read_found(context, before, prunable))
        found.save(context, prunable)


def _search(
    context: StageContext, network: nn.Module, teacher: nn.Module, prunable: Prunable, epochs: Epochs
) -> SearchResult:
    """The state that was found, and the network that it was found in, which is trained for it."""
    population = _population(context.config, prunable)
    body = _body(context, network, teacher, prunable, population, total_steps=epochs.count * context.steps_per_epoch)
    context.load_steps("01_baseline", body.steps)
    history = context.train(STAGE, body, epochs)
    if context.config.preset != "paper":  # the paper trains the state for long after it has been fixed
        accuracy = body.validate(population.final()).accuracy
        check_left_chance(accuracy, context.data.val.labels, advice=_MORE_SEARCH)
    context.run.write_json(f"{STAGE}/history.json", history)
    context.save_steps(STAGE, body.steps)
    return SearchResult(network, population.final(), epochs.first + len(history), population.keys())


def _push(
    context: StageContext, before: nn.Module, teacher: nn.Module, prunable: Prunable, found: SearchResult
) -> SearchResult:
    """The same state, with a network that the units it drops were pushed out of."""
    config, network = context.config, copy_module(before)
    epochs = Epochs(config.search_start, config.search_end, config.epochs)
    aim = objective(context, network, teacher)
    settings = WeightSettings(aim, epochs, context.steps_per_epoch, config.batch_size)
    body = PushTraining(network, context.data.val, settings, units=prunable.units, keep_U=found.keep_U)
    context.load_steps("01_baseline", body.steps)
    context.announce(PUSH, after=STAGE, steps=epochs.count * context.steps_per_epoch)
    history = context.train(f"{STAGE}/push", body, epochs)
    context.run.write_json(PUSHED, history)
    context.save_steps(STAGE, body.steps)
    return replace(found, network=network, epochs_behind=epochs.last)


def _population(config: DecidedConfig, prunable: Prunable) -> Population:
    generator = torch.Generator().manual_seed(config.seed)
    if config.preset == "paper":
        return PaperPopulation(prunable.units, population=config.population, generator=generator)
    members = config.population
    return guided_population(config.method, prunable, config.search, population=members, generator=generator)


def _body(
    context: StageContext,
    network: nn.Module,
    teacher: nn.Module,
    prunable: Prunable,
    population: Population,
    *,
    total_steps: int,
) -> Search:
    config = context.config
    aim, settings = objective(context, network, teacher), config.search
    if config.preset == "paper":
        settings = SearchSettings(images=config.batch_size)
    if not settings.distill:
        aim = replace(aim, teacher_share=0.0)
    return Search(
        network=network,
        units=prunable.units,
        population=population,
        steps=OptimizerSteps(network, aim.recipe, epochs=config.epochs, steps_per_epoch=context.steps_per_epoch),
        objective=aim,
        val=context.data.val,
        settings=settings,
        total_steps=total_steps,
        batch_size=config.batch_size,
    )
