"""CIFAR's pickled batches: as torchvision's own loader reads them, and what is said of files that are not CIFAR's."""

import pickle
import shutil

import numpy as np
import pytest

from compress.data.bundle import Order
from compress.data.cifar import CIFAR10, CIFAR100, read_cifar
from compress.data.load import load_data
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision
from tests.helpers.datasets import python2_pickle, write_cifar10, write_cifar100

SETS = {"cifar10": (CIFAR10, write_cifar10), "cifar100": (CIFAR100, write_cifar100)}


@pytest.fixture(scope="module", params=SETS)
def made(request, tmp_path_factory):
    """Name, what is known, and torchvision's root with the files in its folder."""
    cifar, write = SETS[request.param]
    root = tmp_path_factory.mktemp(request.param)
    write(root / cifar.published.folders[0])
    return request.param, cifar, root


def test_torchvisions_loader_sees_the_same_images_labels_and_names(made, monkeypatch):
    name, cifar, root = made
    known, arrays = read_cifar(cifar, root / cifar.published.folders[0])
    loader = {"cifar10": torchvision.datasets.CIFAR10, "cifar100": torchvision.datasets.CIFAR100}[name]
    monkeypatch.setattr(loader, "_check_integrity", lambda _: True)
    monkeypatch.setattr(loader, "meta", loader.meta | {"md5": None})
    for train, images, labels in (
        (True, arrays.train_images, arrays.train_labels),
        (False, arrays.test_images, arrays.test_labels),
    ):
        theirs = loader(str(root), train=train)
        assert (theirs.data == images).all()
        assert theirs.targets == labels.tolist()
        assert tuple(theirs.classes) == known.classes
    assert arrays.train_images.shape == (150, 32, 32, 3)


def test_the_planes_are_red_green_and_blue(tmp_path):
    folder = write_cifar10(tmp_path)
    planes = np.repeat(np.arange(90, dtype=np.uint8)[:, None], 3072, axis=1)
    planes[:, 1024:2048] += 1
    planes[:, 2048:] += 2
    planes[0, 32] = 99  # red, second row, first column
    (folder / "test_batch").write_bytes(python2_pickle({"data": planes, "labels": [0, 1, 2] * 30}))
    _, arrays = read_cifar(CIFAR10, folder)
    assert arrays.test_images[7, 3, 4].tolist() == [7, 8, 9]
    assert arrays.test_images[0, 1, 0].tolist() == [99, 1, 2]


@pytest.mark.parametrize("place", [".", "its own"])
def test_it_is_found_by_torchvisions_folder_or_given_itself(made, place):
    name, cifar, root = made
    folder = root if place == "." else root / cifar.published.folders[0]
    bundle = load_data(DataConfig(dataset=name, data_dir=folder))
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (135, 15, 30)
    assert (bundle.preprocessing.image_size, bundle.preprocessing.channels) == (32, 3)
    assert bundle.notes[0].startswith(f"not the published {name}: ")
    images, _ = next(bundle.train.batches(8, order=Order(0, 0)))
    assert images.shape == (8, 3, 32, 32)


def test_pickles_of_python_3_are_read_too(tmp_path):
    folder = write_cifar10(tmp_path / "old")
    _, expected = read_cifar(CIFAR10, folder)
    for path in folder.iterdir():
        path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes(), encoding="latin1"), protocol=5))
    _, found = read_cifar(CIFAR10, folder)
    assert (found.train_images == expected.train_images).all()
    assert found.train_labels.tolist() == expected.train_labels.tolist()


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"labels": [0]}, r"expected images uint8 \[N, 3072\] under 'data' in .*test_batch"),
        ({"data": np.zeros((1, 3071), np.uint8), "labels": [0]}, "expected images uint8"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [3]}, "expected labels of 0 to 2 under 'labels'"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": "0"}, "expected labels of 0 to 2"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [0, 1]}, "expected a label for every image.*got 1 and 2"),
        ({"data": np.zeros((3, 3072), np.uint8), "labels": [0, 0, 1]}, "expected 1 or more test images of every"),
    ],
)
def test_a_batch_of_another_kind_is_refused(tmp_path, batch, message):
    write_cifar10(tmp_path)
    (tmp_path / "test_batch").write_bytes(python2_pickle(batch))
    with pytest.raises(BadInputError, match=message):
        load_data(DataConfig(dataset="cifar10", data_dir=tmp_path))


@pytest.mark.parametrize("names", [[], ["a", "a", "b"], [1, 2], "abc"])
def test_names_have_to_be_names(tmp_path, names):
    write_cifar10(tmp_path)
    (tmp_path / "batches.meta").write_bytes(python2_pickle({"label_names": names}))
    with pytest.raises(BadInputError, match=r"class names .*batches\.meta"):
        load_data(DataConfig(dataset="cifar10", data_dir=tmp_path))


def test_a_batch_that_would_run_something_is_refused(tmp_path):
    write_cifar10(tmp_path)
    (tmp_path / "data_batch_3").write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    with pytest.raises(BadInputError, match=r"data_batch_3 is no pickle of plain values and arrays: it asks for os\."):
        load_data(DataConfig(dataset="cifar10", data_dir=tmp_path))


def test_a_missing_batch_is_named_and_nothing_is_fetched_unasked(tmp_path):
    write_cifar100(tmp_path / "cifar-100-python")
    (tmp_path / "cifar-100-python" / "test").unlink()
    with pytest.raises(BadInputError, match=r"expected train, test, meta in .*, got no test; try .*--download"):
        load_data(DataConfig(dataset="cifar100", data_dir=tmp_path))
    shutil.rmtree(tmp_path / "cifar-100-python")
    with pytest.raises(BadInputError, match="got none of them"):
        load_data(DataConfig(dataset="cifar100", data_dir=tmp_path))
