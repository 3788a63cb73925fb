"""A run that is trained the user's way: the settings reach the search and are recorded."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from compress.runs import RunFolder
from tests.helpers.networks import layers
from tests.helpers.runs import stop_run, tiny_config

CODE = layers(
    lambda _: nn.Conv2d(1, 16, 3, stride=2),
    lambda _: nn.BatchNorm2d(16),
    lambda _: nn.ReLU(),
    lambda _: nn.Conv2d(16, 16, 3, stride=2),
    lambda _: nn.BatchNorm2d(16),
    lambda _: nn.ReLU(),
    lambda _: nn.AdaptiveAvgPool2d(1),
    lambda _: nn.Flatten(),
    lambda classes: nn.Linear(16, classes),
)


@pytest.fixture(scope="module")
def config(images, tmp_path_factory):
    """Settings with weights that were trained in a run of their own."""
    folder = tmp_path_factory.mktemp("trained")
    network = {"arch": "tiny.build", "model": "tiny.py:build", "align": 1, "keep_macs": 0.6, "workers": 0}
    plain = tiny_config(images, **network).with_code(CODE)
    stop_run(plain, ("02_original", 1), out=folder / "run")
    weights = folder / "mine.safetensors"
    save_file(load_file(folder / "run/01_baseline/weights.safetensors"), weights)
    own = {"optimizer": "sgd", "lr": 0.01, "schedule": "steps", "label_smoothing": 0.1, "freeze_bn": True}
    return tiny_config(images, **network, weights=weights, search_start=0, **own).with_code(CODE)


def test_settings_of_training_reach_the_search_and_are_recorded(config, tmp_path):
    run = tmp_path / "run"
    stop_run(config, ("05_finetune", 1), out=run)
    recorded = RunFolder.open(run).read_config()
    assert (recorded.optimizer, recorded.lr, recorded.momentum, recorded.weight_decay) == ("sgd", 0.01, 0.9, 1e-4)
    given, searched = load_file(config.weights), load_file(run / "03_search/weights.safetensors")
    kept = [name for name in given if torch.equal(given[name], searched[name])]
    assert kept == [name for name in given if name.startswith(("1.", "4."))]  # BatchNorm's, all of it


class CallsTwice(nn.Module):
    """The exporter computes the convolution of the same images once."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body, self.head = nn.Conv2d(1, 16, 3), nn.Conv2d(16, 16, 3), nn.Linear(16, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        both = self.stem(images).relu() + self.stem(images).sigmoid()
        return self.head(self.body(both).relu().mean((2, 3)))


def test_a_run_says_what_its_rehearsed_file_is_as_the_dry_run_does(images, tmp_path):
    code = layers(lambda _: CallsTwice())
    config = tiny_config(images, arch="tiny.build", model="tiny.py:build", align=1, workers=0).with_code(code)
    stopped = stop_run(config, ("01_baseline", 1), out=tmp_path / "run")
    assert [note for note in stopped.notes if "calls with equal inputs are computed once" in note]
