"""Search: the method chooses which units are pruned. Removal: the smaller network without them."""

from dataclasses import asdict, replace

from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.channels.masks import kept_positions
from compress.controls.methods import ONE_SHOT, check_applies
from compress.controls.one_cycle import OneCycleTraining
from compress.controls.task import Task
from compress.data.bundle import DataBundle
from compress.run.evolve import evolve
from compress.run.found import STAGE, SearchResult, read_found
from compress.run.target import check_latency, cut_again
from compress.run.training_stages import choice_epoch, objective, recipe, train_until_choice
from compress.runs.stage_context import LATENCY_CHECK, StageContext, check_images, fresh_network, steps_file
from compress.settings.config import DecidedConfig
from compress.structure.plan import PruningPlan, state_from_plan
from compress.structure.remove import RemovalResult, cut, remove_units
from compress.training.epochs import Epochs
from compress.training.evaluate import recalibrate_batchnorm
from compress.training.optimizer_surgery import swap_parameters
from compress.training.weights import OptimizerSteps, WeightSettings
from exporters.module_copy import copy_module

LAST_SEED = 2**31 - 1
"""A network trained from fresh weights draws others than the baseline began with: its seed is this less the run's."""


def search(context: StageContext, before: nn.Module, teacher: nn.Module, prunable: Prunable) -> SearchResult:
    """Train a copy of the unpruned network on and let the run's method choose a state of it.

    ``before`` is the network after the baseline. DivergedError if training left the copy at chance.
    """
    if not context.run.is_finished(STAGE):
        method = context.config.method
        find = _choose if method in ONE_SHOT else _push_out if method == "one-cycle" else evolve
        find(context, before, teacher, prunable)
    return read_found(context, context.load_network(STAGE, before), prunable)


def remove(context: StageContext, found: SearchResult, prunable: Prunable) -> tuple[nn.Module, SearchResult]:
    """Cut the dropped units out, compare with the masked network (CheckFailedError), measure BatchNorm anew.

    The optimizer's averages are cut along. A network that misses its latency is cut a second time; the state that is
    returned is that of the last cut.
    """
    name, run, config = "04_remove", context.run, context.config
    images = check_images(config, context.data)
    if not run.is_finished(name):
        with context.stage(name):
            result = remove_units(found.network, prunable.units, found.keep_U, images)
            if config.has_target and config.target is None and config.plan is None:  # a plan is cut as it is
                found, result = _within_latency(context, found, result, prunable, images)
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
            if run.has(steps_file(STAGE)):
                context.save_steps(name, _cut_steps(context, found, result.network, prunable))
    plan = PruningPlan.from_json(run.read_text(f"{name}/plan.json"))
    smaller = context.load_network(name, cut(found.network, plan, images[:2]))
    return smaller, replace(found, keep_U=state_from_plan(prunable.units, plan))


def _within_latency(
    context: StageContext, found: SearchResult, result: RemovalResult, prunable: Prunable, images: Tensor
) -> tuple[SearchResult, RemovalResult]:
    """The cut network timed on this machine, and cut again if it is slower than asked; the check is recorded."""
    check = check_latency(context, found.network, result.network, prunable, found.keep_U)
    if check.corrected_share is not None:
        context.observer.note(
            f"the cut network is {check.ratio:.2f}x as fast as the original, {check.asked:.2f}x was asked and "
            f"{check.predicted:.2f}x predicted: it is cut again by the corrected model"
        )
        keep_U = cut_again(found.network, found.keep_U, prunable, check.corrected_share, keys_U=found.keys_U)
        if keep_U is None:
            context.observer.note("no network is fast enough by the corrected model: the first cut stays")
            check = replace(check, corrected_share=None)
        else:
            found = replace(found, keep_U=keep_U)
            result = remove_units(found.network, prunable.units, keep_U, images)
    context.run.write_json(LATENCY_CHECK, asdict(check))
    return found, result


def check_method(config: DecidedConfig, data: DataBundle, network: nn.Module, prunable: Prunable) -> None:
    """UsageError if the method cannot be used on this network, BadInputError if the plan it needs cannot be read."""
    check_applies(config.method, _task(config, data, network, prunable))


def _cut_steps(context: StageContext, found: SearchResult, smaller: nn.Module, prunable: Prunable) -> OptimizerSteps:
    """The optimizer that the search ended with, for the smaller network."""
    whole = copy_module(found.network)
    steps = OptimizerSteps(
        whole, recipe(context.config, whole), epochs=context.config.epochs, steps_per_epoch=context.steps_per_epoch
    )
    context.load_steps(STAGE, steps)
    swap_parameters(steps.optimizer, whole, smaller, kept_positions(whole, prunable.units, found.keep_U))
    return steps


def _choose(context: StageContext, before: nn.Module, teacher: nn.Module, prunable: Prunable) -> None:
    """A state at once, after some epochs of training; ``scratch`` needs none."""
    config = context.config
    behind = choice_epoch(config)
    steps = max(0, behind - config.search_start) * context.steps_per_epoch
    with context.stage(STAGE, steps=steps):
        trained = train_until_choice(context, before, teacher) if config.method != "scratch" else before
        choice = ONE_SHOT[config.method](_task(config, context.data, trained, prunable))
        SearchResult(choice.network, choice.keep_U, behind, choice.keys_U).save(context, prunable)


def _push_out(context: StageContext, before: nn.Module, teacher: nn.Module, prunable: Prunable) -> None:
    """The weights of units that will be cut decay while a copy of the unpruned network is trained."""
    config, network = context.config, copy_module(before)
    epochs = Epochs(config.search_start, config.search_end, config.epochs)
    aim = objective(context, network, teacher)
    settings = WeightSettings(aim, epochs, context.steps_per_epoch, config.batch_size)
    with context.stage(STAGE, steps=epochs.count * context.steps_per_epoch):
        body = OneCycleTraining(network, context.data.val, settings, prunable)
        context.load_steps("01_baseline", body.steps)
        history = context.train(STAGE, body, epochs)
        context.run.write_json(f"{STAGE}/history.json", history)
        context.save_steps(STAGE, body.steps)
        SearchResult(network, body.keep_U, epochs.first + len(history), body.keys()).save(context, prunable)


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
