"""Removal: the smaller network without the dropped units."""

from dataclasses import asdict

from torch import nn

from compress.channels.budget import Prunable
from compress.run.search import SearchResult
from compress.runs.stage_context import StageContext, on_device, weights_file
from compress.structure.plan import PruningPlan
from compress.structure.remove import cut, remove_units
from compress.training.evaluate import recalibrate_batchnorm


def remove(context: StageContext, found: SearchResult, prunable: Prunable) -> nn.Module:
    """Cut the dropped units out, prove the result equal to the masked network, measure BatchNorm anew.

    Raises:
        CheckFailedError: masked and smaller network differ.
    """
    name = "04_remove"
    images = context.check_images()
    if not context.run.is_finished(name):
        with context.stage(name):
            result = remove_units(found.network, prunable.units, found.keep_U, images)
            if not result.conclusive:
                context.observer.note("the logits hardly depend on the image: that they stay the same says little")
            norms = recalibrate_batchnorm(result.network, context.data.train, batch_size=context.config.batch_size)
            context.run.write_text(f"{name}/plan.json", result.plan.to_json())
            context.run.write_json(
                f"{name}/removal.json",
                {
                    "images": result.images,
                    "max_abs_difference": result.max_abs_difference,
                    "tolerance": result.tolerance,
                    "batchnorm_recalibrated": norms,
                    "layers": [asdict(layer) for layer in result.layers],
                },
            )
            context.save_network(weights_file(name), result.network)
    plan = PruningPlan.from_json(context.run.read_text(f"{name}/plan.json"))
    return context.load_network(
        weights_file(name), on_device(cut(found.network, plan, images[:2]), context.config.device)
    )
