"""Kuzushiji-MNIST's idx files: as torchvision's own loader reads them, and what is said of other files."""

import gzip
import hashlib
import shutil

import numpy as np
import pytest

from compress.data import fashion_files
from compress.data.idx import IdxFile
from compress.data.kuzushiji import KUZUSHIJI, KUZUSHIJI_FILES, read_kuzushiji
from compress.data.load import load_data
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision
from tests.data.files import idx_bytes, write_idx
from tests.helpers.datasets import write_kuzushiji


def load(folder, **values):
    return load_data(DataConfig(dataset="kuzushiji", data_dir=folder, **values))


def test_torchvisions_loader_sees_the_same_images_labels_and_names(tmp_path):
    write_kuzushiji(tmp_path / "KMNIST/raw", zipped=False)
    arrays = read_kuzushiji(tmp_path / "KMNIST/raw")
    for train, images, labels in (
        (True, arrays.train_images, arrays.train_labels),
        (False, arrays.test_images, arrays.test_labels),
    ):
        theirs = torchvision.datasets.KMNIST(str(tmp_path), train=train)
        assert (theirs.data.numpy() == images).all()
        assert theirs.targets.tolist() == labels.tolist()
        assert tuple(theirs.classes) == KUZUSHIJI.classes


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", [".", "KMNIST/raw"])
def test_it_is_found_by_torchvisions_folder_or_given_itself(tmp_path, zipped, place):
    write_kuzushiji(tmp_path / place, zipped=zipped)
    bundle = load(tmp_path)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (360, 40, 50)
    assert (bundle.preprocessing.image_size, bundle.preprocessing.channels) == (48, 1)
    assert bundle.preprocessing.mean == (0.1918,)
    (note,) = bundle.notes
    expected = "not the published kuzushiji: train-images" if zipped else "not compared with the published kuzushiji"
    assert note.startswith(expected)


def test_files_with_the_published_sums_come_without_a_note(tmp_path, monkeypatch):
    write_kuzushiji(tmp_path)
    sums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert sums.keys() == KUZUSHIJI_FILES.sums.keys()
    for name, value in sums.items():
        monkeypatch.setitem(KUZUSHIJI_FILES.sums, name, value)
    assert load(tmp_path).notes == ()


def test_the_paper_scales_to_one_and_three_channels_repeat_the_grey(tmp_path):
    bundle = load(write_kuzushiji(tmp_path), augment="paper", channels=3, image_size=28)
    assert (bundle.preprocessing.mean, bundle.preprocessing.std) == ((0.0,) * 3, (1.0,) * 3)
    images, _ = next(bundle.test.batches(50))
    raw = read_kuzushiji(tmp_path).test_images / np.float32(255)
    for channel in range(3):
        assert (images[:, channel].numpy() == raw).all()


def test_labels_and_images_have_to_belong_together(tmp_path):
    write_kuzushiji(tmp_path)
    write_idx(tmp_path, "train-labels-idx1-ubyte", np.zeros(7))
    with pytest.raises(BadInputError, match=r"label of 0 to 9 each in .*, got 400 images in .* and 7 labels"):
        load(tmp_path)
    write_idx(tmp_path, "train-labels-idx1-ubyte", np.full(400, 10))
    with pytest.raises(BadInputError, match="400 labels up to 10"):
        load(tmp_path)
    write_idx(tmp_path, "train-labels-idx1-ubyte", np.zeros(400))
    with pytest.raises(BadInputError, match="expected 2 or more training images of every class of kuzushiji"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no IDX file of unsigned bytes with 3 axes"),
        (idx_bytes(np.zeros((2, 3))), "with 3 axes"),
        (b"\0\0\x0d\x03" + bytes(12), "of unsigned bytes"),
        (idx_bytes(np.zeros((2, 3, 4)))[:-1], r"expected 40 bytes in .* axes \(2, 3, 4\), got 39"),
        (idx_bytes(np.zeros((2, 3, 4))) + b"x", "got more"),
        (gzip.compress(idx_bytes(np.zeros((2, 3, 4))) + bytes(10**7)), "got more"),
        (gzip.compress(idx_bytes(np.zeros((2, 3, 4))))[:20], "damaged gzip"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "expected at most 2,147,483,648 bytes"),
    ],
    ids=["empty", "axes", "type", "short", "long", "gzip that grows", "cut", "huge"],
)
def test_a_damaged_file_is_named(tmp_path, data, message):
    write_kuzushiji(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(data)
    with pytest.raises(BadInputError, match=message) as error:
        load(tmp_path)
    assert "t10k-images-idx3-ubyte.gz" in str(error.value)


def test_fashions_files_of_the_same_names_are_not_taken_for_it(tmp_path, monkeypatch):
    write_kuzushiji(tmp_path)
    data = gzip.decompress((tmp_path / "t10k-images-idx3-ubyte.gz").read_bytes())
    pin = IdxFile("t10k-images-idx3-ubyte", (50, 28, 28), hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(fashion_files.FILES, "test_images", pin)
    with pytest.raises(BadInputError, match=r"t10k-images.* is Fashion-MNIST's file .*try --dataset fashion"):
        load(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    write_kuzushiji(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(BadInputError, match=r"got no t10k-labels-idx1-ubyte; try --data-dir FOLDER or --download"):
        load(tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(BadInputError, match=r"in .*KMNIST/raw, got none of them; try"):
        load(tmp_path)
