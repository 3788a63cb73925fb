"""Flowers-102 and Food-101: as torchvision's own loaders read them, and messages about other files and lists."""

import json

import numpy as np
import pytest
from scipy.io import savemat

from compress.data.augment import RECIPES
from compress.data.load import load_data
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision
from tests.helpers.datasets import write_flowers, write_food

Flowers102 = torchvision.datasets.Flowers102


def load_flowers(folder, **values):
    return load_data(DataConfig(dataset="flowers", data_dir=folder, image_size=32, **values))


def load_food(folder):
    return load_data(DataConfig(dataset="food101", data_dir=folder, image_size=32))


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    made = tmp_path_factory.mktemp("flowers")
    write_flowers(made / "flowers-102", train=9, val=6, test=6)
    return made


def test_torchvisions_loader_sees_the_same_flowers_in_each_split(flowers, monkeypatch):
    monkeypatch.setattr(Flowers102, "_check_integrity", lambda _: True)
    bundle = load_flowers(flowers)
    for name in ("train", "val", "test"):
        theirs = Flowers102(str(flowers), split=name)
        ours = getattr(bundle, name)
        assert list(ours.files) == theirs._image_files
        assert ours.labels.tolist() == theirs._labels
    assert bundle.classes == tuple(Flowers102.classes[:3])


def test_the_official_validation_images_validate_whatever_the_seed(flowers):
    bundle = load_flowers(flowers, seed=5, augment="paper")
    assert bundle.train.recipe == RECIPES["files"]["paper"]
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (9, 6, 6)
    assert bundle.val.files == load_flowers(flowers).val.files
    assert bundle.preprocessing.channels == 3
    assert bundle.notes[:2] == (
        "not the published flowers: imagelabels.mat, setid.mat with other contents",
        "3 of the 102 classes have images; the others are left out",
    )


def test_classes_without_images_are_left_out_and_the_others_keep_their_names(tmp_path):
    write_flowers(tmp_path, train=9, val=6, test=6)
    labels = np.array([5, 77, 102] * 7)
    savemat(tmp_path / "imagelabels.mat", {"labels": labels[None]})
    bundle = load_flowers(tmp_path)
    assert bundle.classes == tuple(Flowers102.classes[number - 1] for number in (5, 77, 102))
    assert bundle.test.labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2] * 7, r"expected labels of 1 to 102 in .*imagelabels\.mat"),
        ([1, 2, 103] * 7, "labels of 1 to 102"),
        ([1.5] * 21, "row of whole numbers"),
        ([1, 2, 3] * 6, r"expected images 1 to 18 of .* got image 19"),
        ([[1, 2], [3, 4]], "row of whole numbers"),
        ([], "row of whole numbers"),
    ],
)
def test_other_labels_of_flowers_are_refused(tmp_path, labels, message):
    write_flowers(tmp_path, train=9, val=6, test=6)
    savemat(tmp_path / "imagelabels.mat", {"labels": np.array(labels)})
    with pytest.raises(BadInputError, match=message):
        load_flowers(tmp_path)


def test_an_image_of_the_list_that_is_not_there_is_bad(tmp_path):
    write_flowers(tmp_path, train=9, val=6, test=6)
    (tmp_path / "jpg/image_00003.jpg").unlink()
    with pytest.raises(BadInputError, match=r"at most 0 bad images.*\n.*image_00003\.jpg"):
        load_flowers(tmp_path)
    assert "image_00003.jpg" in " ".join(load_flowers(tmp_path, skip_bad=1).notes)


def test_torchvisions_loader_sees_the_same_food(tmp_path):
    write_food(tmp_path / "food-101")
    bundle = load_food(tmp_path)
    assert bundle.classes == ("apple pie", "sushi")
    theirs = torchvision.datasets.Food101(str(tmp_path), split="test")
    assert list(bundle.test.files) == theirs._image_files
    assert bundle.test.labels.tolist() == theirs._labels
    training = torchvision.datasets.Food101(str(tmp_path), split="train")
    assert sorted((*bundle.train.files, *bundle.val.files)) == sorted(training._image_files)
    assert (len(bundle.train), len(bundle.val)) == (10, 2)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (["a/1"], "expected a JSON object"),
        ({"a": ["a/1"]}, "expected a JSON object"),
        ({"apple_pie": ["apple_pie/1000"], "sushi": "sushi/1000"}, "expected a JSON object"),
        ({"apple_pie": ["../../secret"], "sushi": ["sushi/1000"]}, "expected a JSON object"),
        ({"apple_pie": ["/etc/passwd"], "sushi": ["sushi/1000"]}, "expected a JSON object"),
        ({"apple_pie": ["../x"], "sushi": ["sushi/1000"]}, "expected a JSON object"),
        ({"apple_pie": ["apple_pie/1000"], "soup": ["soup/1"]}, "expected the same classes .* alone with: soup, sushi"),
    ],
)
def test_other_lists_of_food_are_refused(tmp_path, lists, message):
    write_food(tmp_path)
    (tmp_path / "meta/test.json").write_text(json.dumps(lists))
    with pytest.raises(BadInputError, match=message):
        load_food(tmp_path)
