"""Stages that move weights only: the baseline, the fine-tuning, the original trained on for as long."""

from torch import nn

from compress.config import RunConfig
from compress.errors import UsageError
from compress.stages.bench import Bench, weights_file
from compress.training.evaluate import evaluate
from compress.training.load_weights import load_weights
from compress.training.loop import run_loop
from compress.training.optimizers import PAPER, STEP_EPOCHS, Recipe, default_recipe
from compress.training.weights import Distillation, WeightSettings, WeightTraining, check_left_chance
from models_zoo.zoo import head_names


def baseline(bench: Bench) -> nn.Module:
    """The original before any pruning: trained here, or the user's own weights.

    Raises:
        DivergedError: it has not left chance.
        BadInputError: the weights file is unfit.
    """
    name, config = "01_baseline", bench.config
    network = bench.new_network()
    if not bench.run.is_finished(name):
        epochs = _baseline_epochs(bench, network)
        with bench.stage(name, steps=epochs * bench.steps_per_epoch):
            if epochs:
                _train(bench, name, network, _settings(bench, network, epochs, must_learn=True))
            elif config.weights is not None:
                accuracy = evaluate(network, bench.data.val, batch_size=config.batch_size).accuracy
                check_left_chance(accuracy, bench.data.val.labels)
            bench.run.write_json(f"{name}/epochs.json", epochs)
            bench.save_network(weights_file(name), network)
    return bench.load_network(weights_file(name), network)


def trained_here(bench: Bench) -> bool:
    """False where the original is the user's own network, taken as it is."""
    return bench.config.weights is None or bench.run.read_json("01_baseline/epochs.json") > 0


def train_original(bench: Bench, original: nn.Module) -> nn.Module:
    """The control: the unpruned network, trained on for as many epochs as search and fine-tuning took."""
    name, config = "02_original", bench.config
    epochs = epochs_after_baseline(config)
    if not bench.run.is_finished(name):
        with bench.stage(name, steps=epochs * bench.steps_per_epoch):
            _train(bench, name, original, _settings(bench, original, epochs))
            bench.save_network(weights_file(name), original)
    return bench.load_network(weights_file(name), original)


def finetune(bench: Bench, smaller: nn.Module, teacher: nn.Module) -> nn.Module:
    """Train the small network on; it learns from the original's answers too where ``distill`` is on."""
    name, config = "05_finetune", bench.config
    epochs = config.finetune_epochs or 0
    if not bench.run.is_finished(name):
        with bench.stage(name, steps=epochs * bench.steps_per_epoch):
            distillation = Distillation(teacher) if config.distill else None
            if epochs:
                settings = _settings(bench, smaller, epochs, done=config.search_epochs or 0, distillation=distillation)
                _train(bench, name, smaller, settings)
            bench.save_network(weights_file(name), smaller)
    return bench.load_network(weights_file(name), smaller)


def epochs_after_baseline(config: RunConfig) -> int:
    """Epochs of search and fine-tuning together."""
    return (config.search_epochs or 0) + (config.finetune_epochs or 0)


def recipe(config: RunConfig, network: nn.Module, *, done: int = 0) -> Recipe:
    """The recipe of the run's preset for a network; ``done`` epochs of the paper's schedule are behind it."""
    if config.preset == "paper":
        return PAPER.scaled(0.1 ** (done // STEP_EPOCHS))
    return default_recipe(network)


def _baseline_epochs(bench: Bench, network: nn.Module) -> int:
    config = bench.config
    epochs = config.baseline_epochs or 0
    if config.weights is None:
        if not epochs and config.preset != "paper":
            raise UsageError("without --weights the original has to be trained: give --baseline-epochs of at least 1")
        return epochs
    head = head_names(network, classes=len(bench.data.classes))
    if not load_weights(network, config.weights, head=head):
        return 0
    bench.observer.note(
        f"the weights have another number of classes: the head ({', '.join(head)}) starts fresh "
        f"and the network is trained for {max(epochs, 1)} epochs before the search"
    )
    return max(epochs, 1)


def _settings(
    bench: Bench,
    network: nn.Module,
    epochs: int,
    *,
    done: int = 0,
    must_learn: bool = False,
    distillation: Distillation | None = None,
) -> WeightSettings:
    return WeightSettings(
        recipe=recipe(bench.config, network, done=done),
        epochs=epochs,
        steps_per_epoch=bench.steps_per_epoch,
        batch_size=bench.config.batch_size,
        must_learn=must_learn,
        distillation=distillation,
    )


def _train(bench: Bench, name: str, network: nn.Module, settings: WeightSettings) -> None:
    body = WeightTraining(network, bench.data.val, settings)
    history = run_loop(body, bench.data.train, bench.loop_settings(name, settings.epochs), bench.hooks(name))
    bench.run.write_json(f"{name}/history.json", history)
