"""Flowers-102's folder and lists: as torchvision's own loader reads them, and what is said of other lists."""

import numpy as np
import pytest
from scipy.io import savemat

from compress.data.flowers import CLASSES
from compress.data.load import load_data
from compress.data.matlab import read_mat, whole_numbers
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision
from tests.helpers.datasets import write_flowers

Flowers102 = torchvision.datasets.Flowers102


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = tmp_path_factory.mktemp("flowers")
    write_flowers(made / "flowers-102", train=9, val=6, test=6)
    return made


def load(folder, **values):
    return load_data(DataConfig(dataset="flowers", data_dir=folder, image_size=32, **values))


def test_torchvisions_loader_sees_the_same_files_and_labels_in_each_split(root, monkeypatch):
    monkeypatch.setattr(Flowers102, "_check_integrity", lambda _: True)
    bundle = load(root)
    for name in ("train", "val", "test"):
        theirs = Flowers102(str(root), split=name)
        ours = getattr(bundle, name)
        assert list(ours.files) == theirs._image_files
        assert ours.labels.tolist() == theirs._labels
    assert bundle.classes == tuple(Flowers102.classes[:3])
    assert len(CLASSES) == 102


def test_the_official_validation_images_validate_whatever_the_seed(root):
    bundle = load(root, seed=5)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (9, 6, 6)
    assert bundle.val.files == load(root).val.files
    assert bundle.preprocessing.channels == 3
    assert bundle.notes[:2] == (
        "not the published flowers: imagelabels.mat, setid.mat with other contents",
        "3 of the 102 classes have images; the others are left out",
    )


def test_classes_without_images_are_left_out_and_the_others_keep_their_names(tmp_path):
    write_flowers(tmp_path, train=9, val=6, test=6)
    labels = np.array([5, 77, 102] * 7)
    savemat(tmp_path / "imagelabels.mat", {"labels": labels[None]})
    bundle = load(tmp_path)
    assert bundle.classes == tuple(Flowers102.classes[number - 1] for number in (5, 77, 102))
    assert bundle.test.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_settings_for_files_arrive(root):
    bundle = load(root, augment="paper", channels=1)
    assert bundle.train.augment == "paper"
    assert bundle.preprocessing.channels == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2] * 7, r"expected labels of 1 to 102 in .*imagelabels\.mat"),
        ([1, 2, 103] * 7, "labels of 1 to 102"),
        ([1.5] * 21, "row of whole numbers"),
        ([1, 2, 3] * 6, r"expected images 1 to 18 of .* got image 19"),
        ([[1, 2], [3, 4]], "row of whole numbers"),
    ],
)
def test_other_labels_are_refused(tmp_path, labels, message):
    write_flowers(tmp_path, train=9, val=6, test=6)
    savemat(tmp_path / "imagelabels.mat", {"labels": np.array(labels)})
    with pytest.raises(BadInputError, match=message):
        load(tmp_path)


def test_a_list_that_is_missing_is_named(tmp_path):
    write_flowers(tmp_path, train=9, val=6, test=6)
    savemat(tmp_path / "setid.mat", {"trnid": [1.0], "valid": [2.0]})
    with pytest.raises(BadInputError, match=r"expected trnid, valid, tstid in .*setid\.mat, got no tstid"):
        load(tmp_path)


def test_an_image_of_the_list_that_is_not_there_is_bad(tmp_path):
    write_flowers(tmp_path, train=9, val=6, test=6)
    (tmp_path / "jpg/image_00003.jpg").unlink()
    with pytest.raises(BadInputError, match=r"at most 0 bad images.*\n.*image_00003\.jpg"):
        load(tmp_path)
    assert "image_00003.jpg" in " ".join(load(tmp_path, skip_bad=1).notes)


def test_a_mat_file_that_is_damaged_large_or_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "x.mat"
    savemat(path, {"labels": np.arange(500)}, do_compression=True)
    whole = path.read_bytes()
    for data in (
        b"",
        b"no",
        whole[:100],
        whole[:200],
        whole[:150] + b"\xff" * 40 + whole[190:],
        b"\x89HDF\r\n\x1a\n" * 40,
    ):
        path.write_bytes(data)
        with pytest.raises(BadInputError, match=r"x\.mat"):
            read_mat(path, ["labels"])
    path.write_bytes(whole + bytes(2**20))
    with pytest.raises(BadInputError, match=r"expected at most 1,048,576 bytes in .*x\.mat"):
        read_mat(path, ["labels"])
    with pytest.raises(BadInputError, match=r"cannot read .*none"):
        read_mat(tmp_path / "none.mat", ["labels"])


def test_one_number_is_a_row_too(tmp_path):
    savemat(tmp_path / "x.mat", {"a": 7.0})
    assert whole_numbers(read_mat(tmp_path / "x.mat", ["a"])["a"], source="x") == [7]
