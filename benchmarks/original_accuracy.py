"""Top-1 of the original alone: what ``compress run`` trains in its baseline stage: to compare recipes.

    python -m benchmarks.original_accuracy 4 --set arch=squeezenet --set dataset=photos --set lr=0.001

prints JSON. The settings are those of ``compress run``; the epochs come first.
"""

import argparse
import json
import time
from typing import Any

import torch

from compress.environment import describe_cpu, package_versions, source_commit
from compress.networks.own_code import import_code
from compress.observer import Observer
from compress.run.pipeline import prepare
from compress.run.training_stages import load_given
from compress.runs.decide import decide_training
from compress.runs.stage_context import fresh_network
from compress.settings.config import RunConfig, build_config
from compress.training.epochs import Epochs
from compress.training.evaluate import evaluate
from compress.training.loop import LoopHooks, LoopSettings, run_loop
from compress.training.objective import Objective
from compress.training.recipe import choose_recipe
from compress.training.weights import WeightSettings, WeightTraining


def measure(config: RunConfig, *, epochs: int) -> dict[str, Any]:
    """Train for some epochs and answer the test images; accuracies are fractions."""
    settings, data = prepare(config)
    network = fresh_network(settings, data)
    given = load_given(settings, data, network)
    trained = settings.weights is not None and not given.fresh_head
    settings = decide_training(settings, network, trained=trained)
    recipe = choose_recipe(network, settings)
    torch.manual_seed(settings.seed)
    steps = data.train.steps(settings.batch_size)
    aims = WeightSettings(Objective(recipe), Epochs.all(epochs), steps, settings.batch_size)
    body = WeightTraining(network, data.val, aims)
    began = time.monotonic()
    loop = LoopSettings(epochs, settings.batch_size, settings.seed, settings.device)
    history = run_loop(body, data.train, loop, LoopHooks(observer=Observer()))
    found = evaluate(network, data.test, batch_size=settings.batch_size)
    return {
        "settings": settings.model_dump(mode="json", exclude_none=True),
        "augmentation": str(data.train.recipe) if hasattr(data.train, "recipe") else "",
        "fresh_head": list(given.fresh_head),
        "epochs": epochs,
        "train_images": len(data.train),
        "val_accuracy": [row["val_accuracy"] for row in history],
        "test_images": found.images,
        "test_accuracy": found.accuracy,
        "seconds": round(time.monotonic() - began, 1),
        "commit": source_commit(),
        "packages": package_versions(),
        "cpu": describe_cpu(),
    }


def main() -> None:
    """Read the command line and print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("epochs", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of compress run")
    arguments = parser.parse_args()
    config = build_config(dict(one.split("=", 1) for one in arguments.set))
    if config.model is not None:
        config = config.with_code(import_code(config.model))
    print(json.dumps(measure(config, epochs=arguments.epochs), indent=2))


if __name__ == "__main__":
    main()
