"""Published weights by name: a file as torchvision publishes it, fetched from this machine."""

import hashlib
from pathlib import Path

import pytest
import torch

from compress.run.training_stages import load_given
from compress.runs.decide import decide, load_decided
from compress.runs.stage_context import fresh_network
from compress.settings.config import RunConfig
from models_zoo.torchvision_mend import torchvision
from tests.helpers.command import compress
from tests.helpers.datasets import write_image_folder

SIDE = 32


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory):
    """SqueezeNet's weights for 1,000 classes, at the address where torchvision looks for them."""
    folder = tmp_path_factory.mktemp("server")
    torch.manual_seed(0)
    state = torchvision.models.squeezenet1_1().state_dict()
    torch.save(state, folder / "squeezenet.pth")
    digest = hashlib.sha256((folder / "squeezenet.pth").read_bytes()).hexdigest()
    file = (folder / "squeezenet.pth").rename(folder / f"squeezenet-{digest[:8]}.pth")
    entry = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1.value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry, "url", file.as_uri())
        patch.setenv("TORCH_HOME", str(folder / "torch"))
        yield state


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of three of ImageNet's classes."""
    images = write_image_folder(tmp_path_factory.mktemp("images"), train=12, test=6, size=SIDE)
    for split in ("train", "test"):
        for place, name in zip(sorted((images / split).iterdir()), ("hen", "Great White Shark", "tench"), strict=True):
            place.rename(place.parent / name)
    return images


@pytest.mark.usefixtures("published")
def test_without_a_flag_nothing_is_fetched(named: Path):
    flags = ("--arch", "squeezenet", "--weights", "imagenet", "--dataset", named, "--dry-run")
    done = compress("run", *flags)
    assert done.returncode == 4
    assert "SqueezeNet1_1_Weights.IMAGENET1K_V1 is not on this machine: add --download, or put" in done.stderr


def test_images_are_prepared_as_for_the_weights_and_the_head_has_the_classes_known_by_name(
    tmp_path: Path, named: Path, published: dict[str, torch.Tensor]
):
    unnamed = write_image_folder(tmp_path, train=12, test=6, size=SIDE)
    for images, known in ((named, True), (unnamed, False)):
        open_ones = RunConfig(
            arch="squeezenet", weights=Path("imagenet"), dataset=str(images), image_size=SIDE, download=True, workers=0
        )
        settings, data = load_decided(decide(open_ones))
        assert settings.resize == 37  # 256 of 224 pixels, as 37 of 32
        assert data.preprocessing.mean == (0.485, 0.456, 0.406)
        network = fresh_network(settings, data)
        loaded = load_given(settings, data, network)
        state = network.state_dict()
        assert all(torch.equal(value, published[name]) for name, value in state.items() if "classifier" not in name)
        assert "SqueezeNet1_1_Weights.IMAGENET1K_V1" in loaded.notes[0]
        if known:  # Great White Shark, hen, tench
            assert "all 3 classes are among the 1,000" in loaded.notes[1]
            assert torch.equal(state["classifier.1.weight"], published["classifier.1.weight"][[2, 8, 0]])
        else:
            assert loaded.fresh_head == ("classifier.1.weight", "classifier.1.bias")
