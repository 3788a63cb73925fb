"""Fashion-MNIST, its sample and Kuzushiji-MNIST: as torchvision reads them, and other files."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from compress.data import arrays as arrays_module
from compress.data.arrays import IDX_FILES, SAMPLE, read_fashion, read_sample
from compress.data.load import FASHION, FASHION_FILES, KUZUSHIJI, KUZUSHIJI_FILES
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision
from tests.data.files import load, write_fashion, write_idx
from tests.helpers.datasets import write_kuzushiji


@pytest.fixture
def fashion(tmp_path, monkeypatch):
    """A folder with a tiny set that is admitted as Fashion-MNIST."""
    monkeypatch.setattr(arrays_module, "FASHION_SHA256", write_fashion(tmp_path / "fashion"))
    return tmp_path / "fashion"


def test_the_bundled_sample_is_the_pinned_one_small_and_stratified():
    assert SAMPLE.stat().st_size <= 8_000_000
    arrays = read_sample()
    assert arrays.train_images.shape == (12_000, 28, 28)
    assert arrays.test_images.shape == (4_000, 28, 28)
    assert np.bincount(arrays.train_labels).tolist() == [1_200] * 10
    assert np.bincount(arrays.test_labels).tolist() == [400] * 10
    assert "Zalando" in (SAMPLE.parent / "LICENSE").read_text(encoding="utf-8")
    images = arrays.train_images / 255
    assert abs(images.mean() - FASHION.mean[0]) < 0.003
    assert abs(images.std() - FASHION.std[0]) < 0.003


def test_a_changed_sample_is_refused(tmp_path):
    data = SAMPLE.read_bytes()
    (tmp_path / "fashion_sample.npz").write_bytes(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    with pytest.raises(BadInputError, match=r"fashion_sample\.npz is damaged: expected sha256 "):
        read_sample(tmp_path / "fashion_sample.npz")
    with pytest.raises(BadInputError, match=r"cannot read .*none\.npz"):
        read_sample(tmp_path / "none.npz")


def test_the_script_draws_the_sample_evenly_and_always_the_same(fashion, tmp_path, monkeypatch):
    path = Path(__file__).parents[2] / "scripts" / "build_fashion_sample.py"
    spec = importlib.util.spec_from_file_location("build_fashion_sample", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setitem(arrays_module.SAMPLE_PER_CLASS, "train", 4)
    monkeypatch.setitem(arrays_module.SAMPLE_PER_CLASS, "test", 1)
    tiny = read_fashion(fashion)
    data = script.build(tiny)
    assert data == script.build(tiny)
    monkeypatch.setattr(arrays_module, "SAMPLE_SHA256", hashlib.sha256(data).hexdigest())
    (tmp_path / "sample.npz").write_bytes(data)
    sample = read_sample(tmp_path / "sample.npz")
    assert np.bincount(sample.train_labels).tolist() == [4] * 10
    assert np.bincount(sample.test_labels).tolist() == [1] * 10
    published = {image.tobytes(): label for image, label in zip(tiny.train_images, tiny.train_labels, strict=True)}
    drawn = [image.tobytes() for image in sample.train_images]
    assert len(set(drawn)) == 40
    assert [published[image] for image in drawn] == sample.train_labels.tolist()


@pytest.mark.parametrize("zipped", [True, False])
def test_fashion_is_read_plain_or_zipped_by_torchvisions_folder_or_its_own(fashion, tmp_path, zipped):
    write_fashion(tmp_path / "FashionMNIST/raw", zipped=zipped)
    arrays = read_fashion(tmp_path / "FashionMNIST/raw")
    assert arrays.train_images.shape == (100, 28, 28)
    assert arrays.test_labels.tolist() == [*range(10)] * 2
    assert load("fashion", tmp_path).fingerprint == load("fashion", fashion).fingerprint
    assert load("fashion", fashion).notes == ()


@pytest.mark.parametrize("name", IDX_FILES)
def test_fashion_accepts_no_other_file(fashion, name):
    data = bytearray((fashion / f"{name}.gz").read_bytes())
    (fashion / f"{name}.gz").unlink()
    with pytest.raises(BadInputError, match=rf"got no {name}; try --data-dir .*Debian has fashion as the package"):
        load("fashion", fashion)
    write_idx(fashion, name, np.ones((100, 28, 28) if "images" in name else 100))
    with pytest.raises(BadInputError, match=f"{name} in .* is not the published file: expected sha256 .*got "):
        load("fashion", fashion)
    data[len(data) // 2] ^= 1
    (fashion / f"{name}.gz").write_bytes(data)
    with pytest.raises(BadInputError, match=name):
        load("fashion", fashion)


@pytest.mark.skipif(not Path(FASHION_FILES.debian_folder).is_dir(), reason="the Debian package is not installed")
def test_the_sums_admit_the_debian_package():
    assert read_fashion(Path(FASHION_FILES.debian_folder)).train_images.shape == (60_000, 28, 28)


def test_torchvisions_loader_sees_the_same_kuzushiji(tmp_path):
    write_kuzushiji(tmp_path / "KMNIST/raw", zipped=False)
    arrays = arrays_module.read_kuzushiji(tmp_path / "KMNIST/raw", classes=10)
    for split in ("train", "test"):
        theirs = torchvision.datasets.KMNIST(str(tmp_path), train=split == "train")
        assert (theirs.data.numpy() == getattr(arrays, f"{split}_images")).all()
        assert theirs.targets.tolist() == getattr(arrays, f"{split}_labels").tolist()
        assert tuple(theirs.classes) == KUZUSHIJI.classes


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", [".", "KMNIST/raw"])
def test_kuzushiji_is_found_by_torchvisions_folder_or_its_own(tmp_path, zipped, place):
    write_kuzushiji(tmp_path / place, zipped=zipped)
    bundle = load("kuzushiji", tmp_path)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (360, 40, 50)
    shown = bundle.preprocessing
    assert (shown.image_size, shown.channels, shown.mean) == (48, 1, (0.1918,))
    expected = "not the published kuzushiji: train-images" if zipped else "not compared with the published kuzushiji"
    assert len(bundle.notes) == 1
    assert bundle.notes[0].startswith(expected)


def test_files_with_the_published_sums_come_without_a_note(tmp_path, monkeypatch):
    write_kuzushiji(tmp_path)
    sums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert sums.keys() == KUZUSHIJI_FILES.sums.keys()
    for name, value in sums.items():
        monkeypatch.setitem(KUZUSHIJI_FILES.sums, name, value)
    assert load("kuzushiji", tmp_path).notes == ()


def test_images_of_other_sizes_in_the_format_are_accepted(tmp_path):
    for name, array in {IDX_FILES[0]: np.ones((20, 40, 30)), IDX_FILES[2]: np.ones((10, 40, 30))}.items():
        write_idx(tmp_path, name, array)
        write_idx(tmp_path, name.replace("images-idx3", "labels-idx1"), np.arange(len(array)) % 10)
    assert next(load("kuzushiji", tmp_path).test.batches(10))[0].shape == (10, 1, 48, 48)


def test_labels_and_images_have_to_match(tmp_path):
    write_kuzushiji(tmp_path)
    for labels, message in (
        (np.zeros(7), r"label of 0 to 9 each in .*, got 400 images in .* and 7 labels"),
        (np.full(400, 10), "400 labels up to 10"),
        (np.zeros(400), "expected 2 or more training images of every class of kuzushiji"),
    ):
        write_idx(tmp_path, "train-labels-idx1-ubyte", labels)
        with pytest.raises(BadInputError, match=message):
            load("kuzushiji", tmp_path)


def test_fashions_files_of_the_same_names_are_not_read_as_kuzushiji(fashion):
    with pytest.raises(BadInputError, match=r"train-images.* is Fashion-MNIST's file .*try --dataset fashion"):
        load("kuzushiji", fashion)
