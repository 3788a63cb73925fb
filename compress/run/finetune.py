"""Fine-tuning: the small network is trained on."""

from torch import nn

from compress.run.baseline import baseline_epochs, epochs_after_baseline, recipe, train, weight_settings
from compress.runs.stage_context import StageContext, weights_file
from compress.training.weights import Distillation


def finetune(context: StageContext, smaller: nn.Module, teacher: nn.Module, *, epochs_behind: int) -> nn.Module:
    """Train the small network on; it learns from the original's answers too where ``distill`` is on.

    Every method's run has the same epochs in all: what was not spent on the weights before (``epochs_behind``,
    the baseline's and the search's) is spent here. A search that converged early leaves the rest, as in the paper.
    """
    name, config = "05_finetune", context.config
    epochs = baseline_epochs(context) + epochs_after_baseline(config) - epochs_behind
    if not context.run.is_finished(name):
        with context.stage(name, steps=epochs * context.steps_per_epoch):
            if epochs:
                settings = weight_settings(
                    context,
                    recipe(context, smaller, epochs_behind=epochs_behind),
                    epochs,
                    distillation=Distillation(teacher) if config.distill else None,
                )
                train(context, name, smaller, settings)
            context.save_network(weights_file(name), smaller)
    return context.load_network(weights_file(name), smaller)
