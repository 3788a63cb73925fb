"""Removal: the smaller network without the dropped units."""

from dataclasses import asdict

from torch import nn

from compress.channels.budget import Prunable
from compress.run.search import SearchResult
from compress.runs.stage_context import StageContext, check_images, on_device
from compress.structure.plan import PruningPlan
from compress.structure.remove import cut, remove_units
from compress.training.evaluate import recalibrate_batchnorm


def remove(context: StageContext, found: SearchResult, prunable: Prunable) -> nn.Module:
    """Cut the dropped units out, prove the result equal to the masked network, measure BatchNorm anew.

    CheckFailedError if masked and smaller network differ.
    """
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
    return context.load_network(name, on_device(cut(found.network, plan, images[:2]), config.device))
