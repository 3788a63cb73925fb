import pytest
from torch import nn

from benchmarks.original_accuracy import measure
from compress.settings.config import RunConfig
from tests.helpers.datasets import write_image_folder
from tests.helpers.networks import layers


def test_an_original_is_trained_by_the_settings_and_measured_on_the_test_images(tmp_path):
    dataset = str(write_image_folder(tmp_path / "levels", train=20, test=10, size=16))
    code = layers(
        lambda _: nn.Conv2d(1, 8, 3),
        lambda _: nn.BatchNorm2d(8),
        lambda _: nn.AdaptiveAvgPool2d(1),
        lambda _: nn.Flatten(),
        lambda classes: nn.Linear(8, classes),
    )
    settings = {
        "dataset": dataset,
        "image_size": 16,
        "workers": 0,
        "batch_size": 8,
        "threads": 1,
        "lr": 0.05,
        "optimizer": "sgd",
    }
    found = measure(RunConfig(model="tiny.py:build", **settings).with_code(code), epochs=6)
    assert {name: found["settings"][name] for name in settings} == settings
    assert (found["settings"]["momentum"], found["settings"]["schedule"]) == (0.9, "one-cycle")
    assert (len(found["val_accuracy"]), found["train_images"], found["test_images"]) == (6, 54, 30)
    assert found["test_accuracy"] == pytest.approx(round(30 * found["test_accuracy"]) / 30)
    assert found["test_accuracy"] > 0.8
