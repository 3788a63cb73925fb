"""Every data set by name: the paper's preparation with each network, other channels, the same test images always."""

import pytest

from compress.data.bundle import Order
from compress.data.load import DATASETS, load_data
from compress.runs.decide import decide
from compress.settings.config import RunConfig
from tests.helpers import datasets

WRITERS = {
    "kuzushiji": datasets.write_kuzushiji,
    "cifar10": datasets.write_cifar10,
    "cifar100": datasets.write_cifar100,
    "flowers": datasets.write_flowers,
    "food101": datasets.write_food,
    "imagenette": datasets.write_imagenet,
    "imagenet": datasets.write_imagenet,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {name: tmp_path_factory.mktemp(name) for name in WRITERS}
    for name, write in WRITERS.items():
        write(made[name] / "files")
    return {name: folder / "files" for name, folder in made.items()}


def decided(folders, name, *, arch="squeezenet", **values):
    return decide(RunConfig(arch=arch, dataset=name, data_dir=folders[name], **values))


def test_every_entry_says_what_it_is_where_it_is_looked_for_and_whose_it_is():
    for name, entry in DATASETS.items():
        assert 0 < len(entry.summary) <= 80
        assert entry.source
        assert bool(entry.places) == (name != "fashion-sample")
    assert set(WRITERS) == DATASETS.keys() - {"fashion", "fashion-sample"}


@pytest.mark.parametrize("name", WRITERS)
def test_the_paper_takes_32_pixels_for_resnets_and_224_for_squeezenet(folders, name):
    for arch, size in (("resnet18", 32), ("squeezenet", 224)):
        config = decided(folders, name, arch=arch, preset="paper")
        bundle = load_data(config)
        images, _ = next(bundle.train.batches(4, order=Order(0, 0)))
        assert images.shape == (4, 1 if name == "kuzushiji" else 3, size, size)
        assert (bundle.preprocessing.mean == (0.0,)) == (name == "kuzushiji")
        assert ((images == 0).all(dim=1).flatten(1).sum(1) > size**2 / 100).all() == (name != "kuzushiji")


@pytest.mark.parametrize("name", WRITERS)
def test_by_default_small_images_stay_small_and_photographs_do_not(folders, name):
    config = decided(folders, name)
    assert config.image_size == (48 if DATASETS[name].small_images else 224)


@pytest.mark.parametrize("name", WRITERS)
def test_both_numbers_of_channels_of_the_same_images(folders, name):
    for channels in (1, 3):
        bundle = load_data(decided(folders, name, channels=channels, image_size=32))
        images, _ = next(bundle.test.batches(4))
        assert images.shape == (4, channels, 32, 32)
        assert len(bundle.preprocessing.mean) == len(bundle.preprocessing.std) == channels
        assert bundle.test_fingerprint == load_data(decided(folders, name, image_size=32)).test_fingerprint


@pytest.mark.parametrize("name", WRITERS)
def test_the_test_images_are_the_same_for_every_seed(folders, name):
    one, other = (load_data(decided(folders, name, image_size=32, seed=seed)) for seed in (0, 1))
    assert one.test_fingerprint == other.test_fingerprint
    assert (one.fingerprint == other.fingerprint) == (name == "flowers")
