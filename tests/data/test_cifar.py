"""CIFAR-10 and CIFAR-100: as torchvision's own loaders read them, and messages about other files."""

import numpy as np
import pytest

from compress.data.arrays import FASHION_SHA256, IDX_FILES, read_cifar
from compress.data.load import CIFAR10, CIFAR10_FILES, CIFAR100_FILES
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision
from tests.data.files import load
from tests.helpers.datasets import python2_pickle, write_cifar10, write_cifar100

CIFAR_SETS = {
    "cifar10": (CIFAR10_FILES, torchvision.datasets.CIFAR10, write_cifar10),
    "cifar100": (CIFAR100_FILES, torchvision.datasets.CIFAR100, write_cifar100),
}


@pytest.fixture(scope="module", params=CIFAR_SETS)
def cifar(request, tmp_path_factory):
    """Name, torchvision's loader, and its root with the files in its folder."""
    files, loader, write = CIFAR_SETS[request.param]
    root = tmp_path_factory.mktemp(request.param)
    write(root / files.folder)
    return request.param, loader, root


def read10(folder):
    return read_cifar(folder, CIFAR10, torchvision.datasets.CIFAR10, labels="labels")[1]


def test_torchvisions_loader_sees_the_same_cifar(cifar, monkeypatch):
    name, loader, root = cifar
    bundle = load(name, root)
    monkeypatch.setattr(loader, "_check_integrity", lambda _: True)
    monkeypatch.setattr(loader, "meta", loader.meta | {"md5": None})
    theirs = loader(str(root), train=False)
    assert (theirs.data == bundle.test.images.numpy()).all()
    assert theirs.targets == bundle.test.labels.tolist()
    assert tuple(theirs.classes) == bundle.classes
    training = loader(str(root), train=True)
    ours = [*bundle.train.images.numpy(), *bundle.val.images.numpy()]
    assert sorted(image.tobytes() for image in ours) == sorted(image.tobytes() for image in training.data)
    labels = {image.tobytes(): label for image, label in zip(training.data, training.targets, strict=True)}
    for split in (bundle.train, bundle.val):
        assert [labels[image.tobytes()] for image in split.images.numpy()] == split.labels.tolist()


@pytest.mark.parametrize("place", [".", "its own"])
def test_cifar_is_found_by_torchvisions_folder_or_its_own(cifar, place):
    name, loader, root = cifar
    bundle = load(name, root if place == "." else root / loader.base_folder)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (135, 15, 30)
    assert (bundle.preprocessing.image_size, bundle.preprocessing.channels) == (32, 3)
    assert bundle.notes[0].startswith(f"not the published {name}: ")


def test_the_planes_are_red_green_and_blue(tmp_path):
    folder = write_cifar10(tmp_path)
    planes = np.repeat(np.arange(90, dtype=np.uint8)[:, None], 3072, axis=1)
    planes[:, 1024:2048] += 1
    planes[:, 2048:] += 2
    planes[0, 32] = 99  # red, second row, first column
    (folder / "test_batch").write_bytes(python2_pickle({"data": planes, "labels": [0, 1, 2] * 30}))
    arrays = read10(folder)
    assert arrays.test_images[7, 3, 4].tolist() == [7, 8, 9]
    assert arrays.test_images[0, 1, 0].tolist() == [99, 1, 2]


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
        load("cifar10", tmp_path)


@pytest.mark.parametrize("names", [[], ["a", "a", "b"], [1, 2], "abc"])
def test_class_names_have_to_be_different_texts(tmp_path, names):
    write_cifar10(tmp_path)
    (tmp_path / "batches.meta").write_bytes(python2_pickle({"label_names": names}))
    with pytest.raises(BadInputError, match=r"class names .*batches\.meta"):
        load("cifar10", tmp_path)


def test_a_missing_batch_is_named_and_nothing_is_downloaded_unasked(tmp_path):
    write_cifar100(tmp_path / "cifar-100-python")
    (tmp_path / "cifar-100-python" / "test").unlink()
    with pytest.raises(BadInputError, match=r"expected train, test, meta in .*, got no test; try .*--download"):
        load("cifar100", tmp_path)
    with pytest.raises(BadInputError, match="got none of them"):
        load("cifar100", tmp_path / "none")


def test_torchvisions_sums_are_compared():
    assert set(FASHION_SHA256) == set(IDX_FILES)
    for files, loader, _ in CIFAR_SETS.values():
        assert dict([*loader.train_list, *loader.test_list]).items() <= files.sums.items()
        assert files.downloads == ((loader.url, loader.tgz_md5),)
