"""The stages that train weights alone: the original, given or trained here, and the network that was cut.

All stages of a run are one schedule. The baseline is its beginning. The original and the pruned network both go on from
there, with the optimizer's averages.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from compress.data.bundle import DataBundle
from compress.errors import BadInputError
from compress.networks.own_network import Images, own_head
from compress.report import figures
from compress.runs.stage_context import StageContext, check_images, fresh_network
from compress.settings.config import DecidedConfig
from compress.tracing.forward_pass import evaluating
from compress.training.epochs import Epochs
from compress.training.evaluate import evaluate
from compress.training.given_weights import warn_of_other_preprocessing, warn_of_published
from compress.training.load_weights import LoadedWeights, load_published, load_weights
from compress.training.objective import Objective, teacher_for
from compress.training.recipe import PAPER, Recipe, choose_recipe, fresh_recipe
from compress.training.weights import OptimizerSteps, WeightSettings, WeightTraining, check_left_chance
from compress.weights_files.published import locate, published_weights
from exporters.module_copy import copy_module
from models_zoo.published_weights import PublishedWeights
from models_zoo.zoo import head_names

_OTHER_INPUT = (
    "the preprocessing that the weights were trained with (--preprocessing, --mean and --std, --channel-order), and "
    "with class folders whose sorted names are the weights' classes in their order"
)


def baseline(context: StageContext) -> nn.Module:
    """The original before any pruning, trained here or with the user's weights; DivergedError if still at chance."""
    name, config, run = "01_baseline", context.config, context.run
    network = fresh_network(config, context.data)
    if not run.is_finished(name):
        given = load_given(config, context.data, network)
        notes = [*given_notes(config, given)]
        for note in notes:
            context.observer.note(note)
        paper = config.preset == "paper"  # its baseline has an optimizer and a schedule of its own
        epochs = Epochs(0, config.search_start, config.search_start if paper else config.epochs)
        with context.stage(name, steps=epochs.count * context.steps_per_epoch):
            trained = copy_module(network)  # training may freeze parameters, for this stage alone
            if epochs.count:
                steps = _train(context, name, trained, Objective(choose_recipe(trained, config)), epochs)
                if not paper:
                    context.save_steps(name, steps)
            elif config.weights is not None:
                notes += _check_given(context, trained)
            run.write_json(f"{name}/epochs.json", epochs.count)
            run.write_json(f"{name}/notes.json", notes)
            context.save_network(name, trained)
    return context.load_network(name, network)


def _check_given(context: StageContext, network: nn.Module) -> tuple[str, ...]:
    """Warnings on given weights that answer worse than they could; DivergedError if they are at chance."""
    config, data = context.config, context.data
    measured = evaluate(network, data.val, batch_size=config.batch_size)
    warnings: tuple[str, ...] = ()
    if config.weights_name:
        warnings = warn_of_published(measured, _published(config).top1)
    if config.mean is None or warnings:
        warnings += warn_of_other_preprocessing(network, data.train, data.preprocessing, batch_size=config.batch_size)
    for warning in warnings:
        context.observer.note(warning)
    check_left_chance(measured.accuracy, data.val.labels, advice=_OTHER_INPUT)
    return warnings


def train_original(context: StageContext, before: nn.Module) -> nn.Module:
    """The original, or the control of a given one: a copy of the unpruned network, trained on to the last epoch."""
    name, config, network = "02_original", context.config, copy_module(before)
    if not context.run.is_finished(name):
        epochs = Epochs(config.search_start, config.epochs, config.epochs)
        with context.stage(name, steps=epochs.count * context.steps_per_epoch):
            _train(context, name, network, Objective(recipe(config, network)), epochs, after="01_baseline")
            context.save_network(name, network)
    return context.load_network(name, network)


def train_until_choice(context: StageContext, before: nn.Module, teacher: nn.Module) -> nn.Module:
    """Train a copy of the unpruned network on to the epoch after which a one-shot method chooses."""
    name, config, network = "03_search", context.config, copy_module(before)
    epochs = Epochs(config.search_start, choice_epoch(config), config.epochs)
    steps = _train(context, name, network, objective(context, network, teacher), epochs, after="01_baseline")
    context.save_steps(name, steps)
    return network


def finetune(context: StageContext, smaller: nn.Module, teacher: nn.Module, *, epochs_behind: int) -> nn.Module:
    """Train the small network from epoch ``epochs_behind`` of the schedule to the last.

    A search that converged early leaves more epochs, as in the paper.
    """
    name, config = "05_finetune", context.config
    if not context.run.is_finished(name):
        epochs = Epochs(epochs_behind, config.epochs, config.epochs)
        with context.stage(name, steps=epochs.count * context.steps_per_epoch):
            if epochs.count:
                _train(context, name, smaller, objective(context, smaller, teacher), epochs, after="04_remove")
            context.save_network(name, smaller)
    return context.load_network(name, smaller)


def choice_epoch(config: DecidedConfig) -> int:
    """The epoch after which a one-shot method chooses: half way to ``search_end``; ``scratch`` trains nothing."""
    return 0 if config.method == "scratch" else (config.search_start + config.search_end) // 2


def objective(context: StageContext, network: nn.Module, teacher: nn.Module) -> Objective:
    """What the pruned network is trained for; it learns from the original's answers too where ``distill`` is on."""
    config, data = context.config, context.data
    chosen = fresh_recipe(network, config) if config.method == "scratch" else recipe(config, network)
    if not config.distill:
        return Objective(chosen)
    return Objective(chosen, teacher_for(teacher, data.train, batch_size=config.batch_size, classes=len(data.classes)))


def recipe(config: DecidedConfig, network: nn.Module) -> Recipe:
    """The recipe of the run's preset after the baseline; the paper's begins at the epoch that the baseline ended."""
    if config.preset == "paper":
        return replace(PAPER, epochs_behind=config.search_start)
    return choose_recipe(network, config)


def load_checked(config: DecidedConfig, data: DataBundle, network: nn.Module) -> LoadedWeights:
    """``load_given``; BadInputError also for weights so large that the network overflows on the test images."""
    given = load_given(config, data, network)
    if config.weights is None:
        return given
    images = check_images(config, data)
    failing = _not_finite(network, images)
    if failing and not _not_finite(fresh_network(config, data), images):
        raise BadInputError(
            f"{config.weights}: with these weights the network gives NaN or infinity for {failing} of {len(images)} "
            "images: try other weights"
        )
    return given


def _not_finite(network: nn.Module, images: Tensor) -> int:
    with evaluating(network), torch.no_grad(), torch.random.fork_rng():
        return int((~network(images).isfinite().all(dim=1)).sum())


def load_given(config: DecidedConfig, data: DataBundle, network: nn.Module) -> LoadedWeights:
    """Load the user's weights, if any, into a fresh network; BadInputError if they do not fit."""
    if config.weights is None:
        return LoadedWeights()
    shown, classes = data.preprocessing, len(data.classes)
    if config.code is None:
        head = head_names(network, classes=classes)
    else:
        head = own_head(network, Images(shown.image_size, shown.channels, classes))
    if not config.weights_name:
        return load_weights(network, config.weights, head=head, key=config.weights_key)
    published = _published(config)
    file = locate(published, download=config.download)
    return load_published(network, file, published, head=head, classes=data.classes, size=shown.image_size)


def _published(config: DecidedConfig) -> PublishedWeights:
    return published_weights(config.arch, config.weights_name, own=config.model is not None)


def given_notes(config: DecidedConfig, given: LoadedWeights) -> tuple[str, ...]:
    """What to say of weights that were loaded, before the baseline is trained, if it is."""
    head, epochs = ", ".join(given.fresh_head), figures.plural(config.search_start, "epoch")
    fresh = (
        f"the weights have another number of classes, or no head: the head ({head}) starts fresh "
        f"and the network is trained for {epochs} before the search"
    )
    return (*given.notes, fresh) if given.fresh_head else given.notes


def baseline_notes(context: StageContext) -> tuple[str, ...]:
    """Notes for the report on the original's weights."""
    return tuple(context.run.read_json("01_baseline/notes.json", list[str]))


def _train(
    context: StageContext, name: str, network: nn.Module, aim: Objective, epochs: Epochs, *, after: str = ""
) -> OptimizerSteps:
    """Train a network in a stage until it has left chance, and save its history.

    The optimizer goes on from the stage ``after``; it is returned.
    """
    settings = WeightSettings(aim, epochs, context.steps_per_epoch, context.config.batch_size)
    training = WeightTraining(network, context.data.val, settings)
    if after:
        context.load_steps(after, training.steps)
    context.run.write_json(f"{name}/history.json", context.train(name, training, epochs))
    return training.steps
