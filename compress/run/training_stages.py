"""The stages that train: the original, given or trained here; its control, trained on for as long; fine-tuning."""

from dataclasses import replace

from torch import nn

from compress.data.bundle import DataBundle
from compress.networks.own_network import Images, own_head
from compress.report import figures
from compress.runs.stage_context import StageContext, fresh_network
from compress.settings.config import DecidedConfig
from compress.training.evaluate import evaluate
from compress.training.given_weights import warn_of_other_preprocessing, warn_of_published
from compress.training.load_weights import LoadedWeights, load_published, load_weights
from compress.training.recipe import PAPER, Recipe, choose_recipe, fresh_recipe
from compress.training.weights import WeightSettings, WeightTraining, check_left_chance
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
        epochs = config.baseline_epochs
        if config.weights is not None:
            epochs = max(epochs, 1) if given.fresh_head else 0
        notes = [*given_notes(config, given)]
        for note in notes:
            context.observer.note(note)
        with context.stage(name, steps=epochs * context.steps_per_epoch):
            if epochs:
                _train(context, name, network, choose_recipe(network, config), epochs)
            elif config.weights is not None:
                notes += _check_given(context, network)
            run.write_json(f"{name}/epochs.json", epochs)
            run.write_json(f"{name}/notes.json", notes)
            context.save_network(name, network)
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


def train_original(context: StageContext, original: nn.Module) -> nn.Module:
    """The control: a copy of the unpruned network, trained on for as many epochs as search and fine-tuning take."""
    epochs, behind = epochs_after_baseline(context.config), baseline_epochs(context)
    chosen = recipe(context.config, original, epochs_behind=behind)
    return _train_on(context, "02_original", copy_module(original), epochs, chosen)


def finetune(context: StageContext, smaller: nn.Module, teacher: nn.Module, *, epochs_behind: int) -> nn.Module:
    """Train the small network on; it learns from the original's answers too where ``distill`` is on.

    Every method's run has the same epochs in all: what was not spent on the weights before (``epochs_behind``,
    the baseline's and the search's) is spent here. A search that converged early leaves the rest, as in the paper.
    """
    epochs = baseline_epochs(context) + epochs_after_baseline(context.config) - epochs_behind
    soft = teacher if context.config.distill else None
    chosen = recipe(context.config, smaller, epochs_behind=epochs_behind)
    if context.config.method == "scratch":
        chosen = fresh_recipe(smaller, context.config)
    return _train_on(context, "05_finetune", smaller, epochs, chosen, soft)


def baseline_epochs(context: StageContext) -> int:
    """Epochs the baseline took in this run: none where weights were given."""
    epochs: int = context.run.read_json("01_baseline/epochs.json")
    return epochs


def epochs_after_baseline(config: DecidedConfig) -> int:
    """Epochs of search and fine-tuning together."""
    return config.search_epochs + config.finetune_epochs


def recipe(config: DecidedConfig, network: nn.Module, *, epochs_behind: int) -> Recipe:
    """The recipe of the run's preset after the baseline; the paper's schedule goes on where the last stage left it."""
    if config.preset == "paper":
        return replace(PAPER, epochs_behind=epochs_behind)
    return choose_recipe(network, config)


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
    head, epochs = ", ".join(given.fresh_head), figures.plural(max(config.baseline_epochs, 1), "epoch")
    fresh = (
        f"the weights have another number of classes, or no head: the head ({head}) starts fresh "
        f"and the network is trained for {epochs} before the search"
    )
    return (*given.notes, fresh) if given.fresh_head else given.notes


def baseline_notes(context: StageContext) -> tuple[str, ...]:
    """Notes for the report on the original's weights."""
    return tuple(context.run.read_json("01_baseline/notes.json"))


def _train_on(
    context: StageContext,
    name: str,
    network: nn.Module,
    epochs: int,
    chosen: Recipe,
    teacher: nn.Module | None = None,
) -> nn.Module:
    """A stage that trains a network on for any number of epochs."""
    if not context.run.is_finished(name):
        with context.stage(name, steps=epochs * context.steps_per_epoch):
            if epochs:
                _train(context, name, network, chosen, epochs, teacher)
            context.save_network(name, network)
    return context.load_network(name, network)


def _train(
    context: StageContext, name: str, network: nn.Module, chosen: Recipe, epochs: int, teacher: nn.Module | None = None
) -> None:
    """Train a network in a stage until it has left chance, and save its history."""
    settings = WeightSettings(chosen, epochs, context.steps_per_epoch, context.config.batch_size, teacher)
    history = context.train(name, WeightTraining(network, context.data.val, settings), epochs)
    context.run.write_json(f"{name}/history.json", history)
