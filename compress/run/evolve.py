"""States evolve while a copy of the unpruned network trains; for a small budget another copy loses what they drop."""

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
from compress.settings.schedule import push_end
from compress.settings.search import SearchSettings
from compress.training.epochs import Epochs
from compress.training.weights import OptimizerSteps, WeightSettings, check_left_chance
from exporters.module_copy import copy_module

_MORE_SEARCH: Final = "more --epochs, a milder budget, or trained --weights"


def pushes(config: DecidedConfig, share: float) -> bool:
    """Whether the search for this share of the network only finds the state, and a push follows (``push_below``)."""
    return config.preset == "default" and config.method in GUIDED and share < config.search.push_below


def push_epochs(config: DecidedConfig) -> Epochs:
    """The epochs of the push: from the search's first on, at most as many as a search usually has."""
    last = push_end(config.epochs, config.search_start, config.search_end)
    return Epochs(config.search_start, last, config.epochs)


def evolve(context: StageContext, before: nn.Module, teacher: nn.Module, prunable: Prunable) -> None:
    """The stage: a search; if the budget is small, then a push through the same epochs, from before the search."""
    config = context.config
    epochs = Epochs(config.search_start, config.search_end, config.epochs)
    smallest = min(share or 1.0 for share in vars(prunable.budget).values())
    with context.stage(STAGE, steps=epochs.count * context.steps_per_epoch):
        if not pushes(config, smallest):
            found = _search(context, before, teacher, prunable, epochs)
        else:
            if not context.run.has(PLAN):  # else it was stopped in the push
                _search(context, before, teacher, prunable, epochs).save_state(context, prunable)
            found = _push(context, before, teacher, prunable, read_found(context, before, prunable))
        found.save(context, prunable)


def _search(
    context: StageContext, before: nn.Module, teacher: nn.Module, prunable: Prunable, epochs: Epochs
) -> SearchResult:
    """The state that was found, and the network that it was found in."""
    network, population = copy_module(before), _population(context.config, prunable)
    body = _body(context, network, teacher, prunable, population)
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
    epochs = push_epochs(config)
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
    context: StageContext, network: nn.Module, teacher: nn.Module, prunable: Prunable, population: Population
) -> Search:
    config, steps_per_epoch = context.config, context.steps_per_epoch
    aim, settings = objective(context, network, teacher), config.search
    if config.preset == "paper":
        settings = SearchSettings(images=config.batch_size)
    if not settings.distill:
        aim = replace(aim, teacher_share=0.0)
    return Search(
        network=network,
        units=prunable.units,
        population=population,
        steps=OptimizerSteps(network, aim.recipe, epochs=config.epochs, steps_per_epoch=steps_per_epoch),
        objective=aim,
        val=context.data.val,
        settings=settings,
        total_steps=(config.search_end - config.search_start) * steps_per_epoch,
        batch_size=config.batch_size,
    )
