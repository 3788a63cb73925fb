"""Baseline: the original, trained here or given; and the original trained on for as long as the pruned network."""

import copy
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from compress.data.bundle import DataBundle
from compress.networks.own_network import Images, own_head
from compress.report import figures
from compress.runs import load_network
from compress.runs.stage_context import StageContext, weights_file
from compress.settings.config import DecidedConfig
from compress.training.evaluate import evaluate
from compress.training.load_weights import load_weights
from compress.training.loop import run_loop
from compress.training.optimizers import PAPER, Recipe, default_recipe
from compress.training.weights import Distillation, WeightSettings, WeightTraining, check_left_chance
from models_zoo.zoo import head_names


def baseline(context: StageContext) -> nn.Module:
    """The original before any pruning: trained here, or the user's own weights.

    Raises:
        DivergedError: it has not left chance.
        BadInputError: the weights file is unfit.
    """
    name, config = "01_baseline", context.config
    network = context.new_network()
    if not context.run.is_finished(name):
        head = load_given(config, context.data, network)
        epochs = _epochs_of_baseline(config, fresh_head=bool(head))
        for note in _head_note(head, epochs):
            context.observer.note(note)
        with context.stage(name, steps=epochs * context.steps_per_epoch):
            if epochs:
                train(context, name, network, weight_settings(context, default_recipe(network), epochs))
            elif config.weights is not None:
                accuracy = evaluate(network, context.data.val, batch_size=config.batch_size).accuracy
                check_left_chance(accuracy, context.data.val.labels)
            context.run.write_json(f"{name}/epochs.json", epochs)
            context.run.write_json(f"{name}/fresh_head.json", head)
            context.save_network(weights_file(name), network)
    return context.load_network(weights_file(name), network)


def trained_here(context: StageContext) -> bool:
    """False if the original is the user's own network, used unchanged."""
    return load_network.trained_here(context.run)


def train_original(context: StageContext, original: nn.Module) -> nn.Module:
    """The control: a copy of the unpruned network, trained on for as many epochs as search and fine-tuning take."""
    name, config = "02_original", context.config
    network = copy.deepcopy(original)
    epochs = epochs_after_baseline(config)
    if not context.run.is_finished(name):
        with context.stage(name, steps=epochs * context.steps_per_epoch):
            train(
                context,
                name,
                network,
                weight_settings(context, recipe(context, network, epochs_behind=baseline_epochs(context)), epochs),
            )
            context.save_network(weights_file(name), network)
    return context.load_network(weights_file(name), network)


def baseline_epochs(context: StageContext) -> int:
    """Epochs the baseline took in this run: none where weights were given."""
    epochs: int = context.run.read_json("01_baseline/epochs.json")
    return epochs


def epochs_after_baseline(config: DecidedConfig) -> int:
    """Epochs of search and fine-tuning together."""
    return config.search_epochs + config.finetune_epochs


def recipe(context: StageContext, network: nn.Module, *, epochs_behind: int) -> Recipe:
    """The recipe of the run's preset after the baseline; the paper's schedule goes on where the last stage left it."""
    if context.config.preset == "paper":
        return replace(PAPER, epochs_behind=epochs_behind)
    return default_recipe(network)


def load_given(config: DecidedConfig, data: DataBundle, network: nn.Module) -> tuple[str, ...]:
    """Load the user's weights, if any, into a fresh network.

    Returns:
        Names of the class head's parameters where the weights have another number of classes and the
        head was left fresh; otherwise none.

    Raises:
        BadInputError: the weights file is unfit.
    """
    if config.weights is None:
        return ()
    shown, classes = data.preprocessing, len(data.classes)
    if config.code is None:
        head = head_names(network, classes=classes)
    else:
        head = own_head(network, Images(shown.image_size, shown.channels, classes))
    return head if load_weights(network, config.weights, head=head) else ()


def baseline_notes(context: StageContext) -> tuple[str, ...]:
    """What the report has to say of the original's weights."""
    run = context.run
    return _head_note(run.read_json("01_baseline/fresh_head.json"), baseline_epochs(context))


def _epochs_of_baseline(config: DecidedConfig, *, fresh_head: bool) -> int:
    epochs = config.baseline_epochs
    if config.weights is None:
        return epochs
    return max(epochs, 1) if fresh_head else 0


def _head_note(head: Sequence[str], epochs: int) -> tuple[str, ...]:
    if not head:
        return ()
    return (
        f"the weights have another number of classes: the head ({', '.join(head)}) started fresh "
        f"and the network was trained for {figures.plural(epochs, 'epoch')} before the search",
    )


def weight_settings(
    context: StageContext,
    chosen: Recipe,
    epochs: int,
    *,
    distillation: Distillation | None = None,
) -> WeightSettings:
    """Settings of a training that must leave chance."""
    return WeightSettings(
        recipe=chosen,
        epochs=epochs,
        steps_per_epoch=context.steps_per_epoch,
        batch_size=context.config.batch_size,
        must_learn=True,
        distillation=distillation,
    )


def train(context: StageContext, name: str, network: nn.Module, settings: WeightSettings) -> None:
    """Train a network in a stage, and keep its history."""
    body = WeightTraining(network, context.data.val, settings)
    history = run_loop(body, context.data.train, context.loop_settings(name, settings.epochs), context.hooks(name))
    context.run.write_json(f"{name}/history.json", history)
