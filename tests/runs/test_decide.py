"""How open settings are decided."""

import pytest
import torch
from PIL import Image
from torch import nn

from compress.data.load import load_data
from compress.environment import usable_cores
from compress.errors import EnvironmentProblem, UsageError
from compress.networks.own_code import import_code
from compress.runs.decide import check_amp, decide, decide_training, load_decided, thread_notes
from compress.settings.config import RunConfig, build_config, to_toml
from tests.data.files import write_image
from tests.helpers.datasets import write_cifar10


def test_more_threads_than_cores_are_a_note():
    cores = usable_cores()
    (note,) = thread_notes(decide(RunConfig(arch="squeezenet", threads=cores + 1)))
    assert note.startswith(f"threads: {cores + 1}, usable cores: {cores};")
    assert [thread_notes(decide(RunConfig(arch="squeezenet", threads=count))) for count in (cores, None)] == [(), ()]


FLAT = "from torch import nn\ndef build(n):\n    return nn.Sequential(nn.Flatten(), nn.Linear({inputs}, n))\n"


def test_an_error_of_other_code_names_the_given_code_and_the_runs_own(tmp_path):
    for name, inputs in (("mine", 28 * 28), ("other", 17)):
        (tmp_path / f"{name}.py").write_text(FLAT.format(inputs=inputs))
    mine, other, moved = (f"{tmp_path}/{name}.py:build" for name in ("mine", "other", "moved"))
    (tmp_path / "moved.py").write_text(FLAT.format(inputs=28 * 28))
    config = RunConfig(model=mine, image_size=28, channels=1)
    with pytest.raises(UsageError) as caught:
        load_decided(decide(config.with_code(import_code(other))))
    message = f"the network was built by {mine}; you gave {other}, and other.build does not take grey images"
    assert str(caught.value).startswith(message)
    assert "mine.build" not in str(caught.value)
    settings, _data = load_decided(decide(config.with_code(import_code(moved))))  # the same code in another place
    assert settings.arch == "mine.build"
    with pytest.raises(UsageError, match=r"^other.build does not take grey images"):
        load_decided(decide(RunConfig(model=other, image_size=28, channels=1).with_code(import_code(other))))


def test_training_is_decided_by_the_network_and_the_same_again_from_the_file(tmp_path):
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    decided = decide_training(decide(RunConfig(arch="resnet18", label_smoothing=0.1)), network, trained=False)
    assert (decided.optimizer, decided.lr, decided.weight_decay, decided.momentum) == ("adamw", 2e-3, 1e-2, None)
    assert (decided.schedule, decided.label_smoothing) == ("one-cycle", 0.1)
    file = tmp_path / "config.toml"
    file.write_text(to_toml(decided))
    assert decide_training(decide(build_config({}, file=file)), network, trained=True) == decided
    paper = decide(RunConfig(arch="resnet18", preset="paper"))
    assert decide_training(paper, network, trained=False) == paper


def test_batchnorm_that_is_not_there_cannot_be_kept(tmp_path):
    config = decide(RunConfig(arch="squeezenet", weights=tmp_path / "w.pt", freeze_bn=True))
    with pytest.raises(UsageError, match=r"squeezenet has no BatchNorm to keep as it is: drop --freeze-bn"):
        decide_training(config, nn.Linear(2, 2), trained=True)


def test_bfloat16_needs_a_processor_that_has_it(monkeypatch):
    config = decide(RunConfig(arch="squeezenet", amp=True))
    monkeypatch.setattr("compress.runs.decide.has_bf16", lambda: True)
    check_amp(config)
    monkeypatch.setattr("compress.runs.decide.has_bf16", lambda: False)
    with pytest.raises(EnvironmentProblem, match=r"--amp trains in bfloat16, which this processor does not have"):
        check_amp(config)
    check_amp(decide(RunConfig(arch="squeezenet")))


def as_folder(named: RunConfig, root, *, side: int) -> RunConfig:
    """The first images of a named data set as a folder of PNG files."""
    bundle = load_data(named.model_copy(update={"image_size": side}))
    for part, split in (("train", bundle.train), ("test", bundle.test)):
        for number, (pixels, label) in enumerate(zip(split.images[:60].squeeze(-1), split.labels, strict=False)):
            file = root / part / str(int(label)) / f"{number:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.numpy()).save(file)
    return named.model_copy(update={"dataset": str(root), "data_dir": None})


@pytest.mark.parametrize(("arch", "size"), [("squeezenet", 48), ("resnet18", 32)])
@pytest.mark.parametrize(("dataset", "side"), [("fashion-sample", 28), ("cifar10", 32)])
def test_a_folder_of_a_named_sets_images_is_treated_like_the_named_set(tmp_path, dataset, side, arch, size):
    places = {"data_dir": write_cifar10(tmp_path / "cifar")} if dataset == "cifar10" else {}
    named = RunConfig(arch=arch, dataset=dataset, workers=0, **places)
    folder = as_folder(named, tmp_path / "folder", side=side)
    (_, theirs), (settings, ours) = (load_decided(decide(config)) for config in (named, folder))
    if dataset == "cifar10" or arch == "squeezenet":  # by name, Fashion has the size of the network too
        assert settings.image_size == ours.preprocessing.image_size == theirs.preprocessing.image_size == size
    assert ours.train.recipe == theirs.train.recipe
    assert ours.preprocessing.channels == theirs.preprocessing.channels
    first = [next(iter(bundle.test.batches(60)))[0] for bundle in (theirs, ours)]
    mine, other = (
        images * torch.tensor(bundle.preprocessing.std)[:, None, None]
        + torch.tensor(bundle.preprocessing.mean)[:, None, None]
        for images, bundle in zip(first, (theirs, ours), strict=True)
    )
    by_class = theirs.test.labels[:60].argsort(stable=True)  # the order of files in class folders
    assert (mine[by_class] - other).abs().max() < 1.01 / 255  # Pillow and torch may round an enlarged pixel differently


@pytest.mark.parametrize(
    ("side", "arch", "more", "size"),
    [
        (64, "squeezenet", {}, 64),  # more than SqueezeNet's size for small images: nothing is thrown away
        (40, "squeezenet", {"image_size": 32}, 32),
        (40, "resnet18", {"preset": "paper"}, 40),
        (40, "squeezenet", {"preset": "paper"}, 224),
        (72, "squeezenet", {}, 72),  # photographs are taken as they are
        (72, "inception_v3", {}, 80),
    ],
)
def test_the_size_of_a_folders_images(tmp_path, side, arch, more, size):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            for number in range(2):
                write_image(tmp_path / split / name / f"{number}.png", size=(side, side), seed=number)
    settings, data = load_decided(decide(RunConfig(arch=arch, dataset=str(tmp_path), workers=0, **more)))
    assert settings.image_size == data.preprocessing.image_size == size
    assert any("images are enlarged" in note for note in data.notes) == ("image_size" not in more and size > side)


def test_published_weights_have_no_key():
    with pytest.raises(UsageError, match=r"ResNet18_Weights.IMAGENET1K_V1 is one set of weights: drop --weights-key"):
        decide(RunConfig(arch="resnet18", weights="imagenet", weights_key="state_dict"))


def test_published_weights_take_the_largest_images():
    config = decide(RunConfig(arch="resnet18", weights="imagenet", image_size=1024))
    assert (config.image_size, config.resize) == (1024, 1170)  # 256 / 224 of it
