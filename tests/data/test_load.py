"""Settings -> data: names, paths, and what the run decides for every data set by name."""

import shutil

import pytest

from compress.data.bundle import Order
from compress.data.load import DATASETS, FASHION, load_data
from compress.errors import BadInputError, UsageError
from compress.runs.decide import decide
from compress.settings.config import RunConfig
from tests.data.files import write_folder
from tests.helpers import datasets


def config(**values) -> RunConfig:
    return RunConfig(arch="squeezenet", **values)


def test_the_default_is_the_bundled_sample():
    bundle = load_data(config())
    assert bundle.name == "fashion-sample"
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (10_800, 1_200, 4_000)
    assert bundle.train.labels.bincount().tolist() == [1_080] * 10
    assert bundle.preprocessing.image_size == FASHION.image_size


def test_a_path_is_an_image_folder_and_its_settings_arrive(tmp_path):
    root = write_folder(tmp_path / "pets", splits={"train": 3, "test": 2})
    (root / "test/cat/000.png").write_bytes(b"no")
    bundle = load_data(config(dataset=str(root), image_size=20, skip_bad=1, seed=4))
    assert bundle.name == "pets"
    assert bundle.preprocessing.image_size == 20
    assert len(bundle.test) == 3
    with pytest.raises(BadInputError, match="at most 0 bad images"):
        load_data(config(dataset=str(root)))


@pytest.mark.parametrize(
    ("name", "error", "exit_code", "message"),
    [
        ("fashon", UsageError, 2, "got 'fashon'; did you mean 'fashion'"),
        ("fashion_sample", UsageError, 2, "got 'fashion_sample'; did you mean 'fashion-sample'"),
        ("xyzzy", UsageError, 2, r"expected a data set \(fashion-sample, fashion, .*\) or the path of a folder"),
        ("./nowhere", BadInputError, 4, r"expected an image folder at \./nowhere"),
    ],
)
def test_a_name_of_no_data_set_and_a_path_of_no_folder_are_refused(name, error, exit_code, message):
    with pytest.raises(error, match=message) as caught:
        load_data(config(dataset=name))
    assert caught.value.exit_code == exit_code


@pytest.mark.parametrize("values", [{"download": True}, {"data_dir": "somewhere"}])
def test_settings_of_another_data_set_are_refused(values, tmp_path):
    for dataset in ("fashion-sample", str(tmp_path)):
        with pytest.raises(UsageError, match="expected data_dir and download only with a data set of fashion, kuzu"):
            load_data(config(dataset=dataset, **values))


def test_the_test_images_are_the_same_with_and_without_the_others(tmp_path):
    root = write_folder(tmp_path / "pets", splits={"train": 2, "test": 3})
    whole = load_data(config(dataset=str(root)), test_only=True)
    assert len(whole.train) > 0
    shutil.rmtree(root / "train")
    alone = load_data(config(dataset=str(root)), test_only=True)
    assert alone.test_fingerprint == whole.test_fingerprint
    assert alone.fingerprint != whole.fingerprint
    with pytest.raises(BadInputError, match="expected train/ and test/"):
        load_data(config(dataset=str(root)))


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
    return {name: write(tmp_path_factory.mktemp(name) / "files") for name, write in WRITERS.items()}


def decided(folders, name, *, arch="squeezenet", **values):
    return decide(RunConfig(arch=arch, dataset=name, data_dir=folders[name], **values))


def test_every_entry_says_what_it_is_where_it_is_looked_for_and_whose_it_is():
    for name, entry in DATASETS.items():
        assert 0 < len(entry.summary) <= 80
        assert entry.source
        assert bool(entry.places) == (name != "fashion-sample")
        assert entry.downloads == (name not in ("fashion-sample", "imagenet"))
    assert set(WRITERS) == DATASETS.keys() - {"fashion", "fashion-sample"}


@pytest.mark.parametrize("name", WRITERS)
def test_by_default_small_images_stay_small_and_the_paper_has_32_pixels_for_resnets_224_for_squeezenet(folders, name):
    assert decided(folders, name).image_size == (48 if DATASETS[name].small_images else 224)
    for arch, size in (("resnet18", 32), ("squeezenet", 224)):
        bundle = load_data(decided(folders, name, arch=arch, preset="paper"))
        images, _ = next(bundle.train.batches(4, order=Order(0, 0)))
        assert images.shape == (4, 1 if name == "kuzushiji" else 3, size, size)
        assert (bundle.preprocessing.mean == (0.0,)) == (name == "kuzushiji")
        assert ((images == 0).all(dim=1).flatten(1).sum(1) > size**2 / 100).all() == (name != "kuzushiji")


@pytest.mark.parametrize("name", WRITERS)
def test_the_test_images_are_the_same_for_every_seed_and_number_of_channels(folders, name):
    one, other = (load_data(decided(folders, name, image_size=32, seed=seed)) for seed in (0, 1))
    assert one.test_fingerprint == other.test_fingerprint
    assert (one.fingerprint == other.fingerprint) == (name == "flowers")
    for channels in (1, 3):
        bundle = load_data(decided(folders, name, channels=channels, image_size=32))
        images, _ = next(bundle.test.batches(4))
        assert images.shape == (4, channels, 32, 32)
        assert len(bundle.preprocessing.mean) == len(bundle.preprocessing.std) == channels
        assert bundle.test_fingerprint == one.test_fingerprint
