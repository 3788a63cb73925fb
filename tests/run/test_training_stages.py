import pytest
import torch
from torch import nn

from compress.errors import BadInputError
from compress.observer import Observer
from compress.run.training_stages import baseline, load_checked
from compress.runs import RunFolder
from compress.runs.decide import decide, decide_start, load_decided
from compress.runs.stage_context import StageContext, fresh_network
from compress.settings.config import RunConfig
from tests.helpers.datasets import write_image_folder
from tests.helpers.networks import layers


def test_weights_with_which_the_network_overflows_are_a_bad_file(tmp_path):
    code = layers(
        lambda _: nn.Conv2d(1, 4, 3), lambda _: nn.AdaptiveAvgPool2d(1), lambda _: nn.Flatten(),
        lambda classes: nn.Linear(4, classes),
    )  # fmt: skip
    huge = {name: torch.full_like(value, 1e30) for name, value in code.build(3).state_dict().items()}
    torch.save(huge, tmp_path / "given.pt")
    images = write_image_folder(tmp_path / "images", train=8, test=3, size=8)
    config = RunConfig(model="nets.py:build", weights=tmp_path / "given.pt", dataset=str(images), batch_size=8)
    settings, data = load_decided(decide(config.with_code(code)))
    network = fresh_network(settings, data)
    with pytest.raises(
        BadInputError, match=r"given\.pt: with these weights the network gives NaN or infinity for 9 of"
    ):
        load_checked(settings, data, network)


def test_batchnorm_kept_in_the_baseline_can_train_later_as_in_a_resumed_run(tmp_path):
    """Given weights of seven classes; ``scratch`` goes on with the network and trains its BatchNorm."""
    code = layers(
        lambda _: nn.Conv2d(1, 4, 3), lambda _: nn.BatchNorm2d(4), lambda _: nn.AdaptiveAvgPool2d(1),
        lambda _: nn.Flatten(), lambda classes: nn.Linear(4, classes),
    )  # fmt: skip
    torch.save(code.build(7).state_dict(), tmp_path / "given.pt")
    images = write_image_folder(tmp_path / "images", train=8, test=3, size=8)
    given = {"model": "nets.py:build", "weights": tmp_path / "given.pt", "freeze_bn": True}
    config = RunConfig(**given, dataset=str(images), epochs=4, batch_size=8).with_code(code)
    settings, data = load_decided(decide(config))
    settings = decide_start(settings, fresh_head=True)
    with RunFolder.create(tmp_path / "run", settings, overwrite=False) as run:
        before = baseline(StageContext(settings, data, run, Observer(), lambda: None))
    assert run.read_json("01_baseline/epochs.json") == 1
    assert all(parameter.requires_grad for parameter in before.parameters())
    weights = torch.load(tmp_path / "given.pt")
    assert torch.equal(before[1].weight, weights["1.weight"])
    assert not torch.equal(before[0].weight, weights["0.weight"])
