"""Flowers-102, Food-101 and ImageNet: as torchvision's own loaders read them, and messages about other files."""

import json
import shutil

import numpy as np
import pytest
import torch
from scipy.io import savemat

from compress.data.augment import RECIPES
from compress.data.load import load_data
from compress.data.photo_sets import class_names
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision
from tests.data.files import write_image
from tests.helpers.datasets import WORDNET_IDS, write_devkit, write_flowers, write_food, write_imagenet

Flowers102 = torchvision.datasets.Flowers102
CATEGORIES = torchvision.models._meta._IMAGENET_CATEGORIES
CRANES = {"n02012849": "crane", "n03126707": "crane", "n99999999": "nobody knows, at all"}


def load(name, folder, *, test_only=False, **values):
    return load_data(DataConfig(dataset=name, data_dir=folder, image_size=32, **values), test_only=test_only)


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    return write_flowers(tmp_path_factory.mktemp("flowers") / "flowers-102", train=9, val=6, test=6).parent


def test_torchvisions_loader_sees_the_same_flowers_in_each_split(flowers, monkeypatch):
    monkeypatch.setattr(Flowers102, "_check_integrity", lambda _: True)
    bundle = load("flowers", flowers)
    for name in ("train", "val", "test"):
        theirs = Flowers102(str(flowers), split=name)
        ours = getattr(bundle, name)
        assert list(ours.files) == theirs._image_files
        assert ours.labels.tolist() == theirs._labels
    assert bundle.classes == tuple(Flowers102.classes[:3])


def test_the_official_validation_images_validate_whatever_the_seed(flowers):
    bundle = load("flowers", flowers, seed=5, augment="paper")
    assert bundle.train.recipe == RECIPES["small colour files"]["paper"]
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (9, 6, 6)
    assert bundle.val.files == load("flowers", flowers).val.files
    assert bundle.notes[:2] == (
        "not the published flowers: imagelabels.mat, setid.mat with other contents",
        "3 of the 102 classes have images; the others are left out",
    )


def test_classes_without_images_are_left_out_and_the_others_keep_their_names(tmp_path):
    write_flowers(tmp_path, train=9, val=6, test=6)
    savemat(tmp_path / "imagelabels.mat", {"labels": np.array([[5, 77, 102] * 7])})
    bundle = load("flowers", tmp_path)
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
        load("flowers", tmp_path)


def test_an_image_of_the_list_that_is_not_there_is_bad(tmp_path):
    write_flowers(tmp_path, train=9, val=6, test=6)
    (tmp_path / "jpg/image_00003.jpg").unlink()
    with pytest.raises(BadInputError, match=r"at most 0 bad images.*\n.*image_00003\.jpg"):
        load("flowers", tmp_path)
    assert "image_00003.jpg" in " ".join(load("flowers", tmp_path, skip_bad=1).notes)


def test_torchvisions_loader_sees_the_same_food(tmp_path):
    write_food(tmp_path / "food-101")
    bundle = load("food101", tmp_path)
    assert bundle.classes == ("apple pie", "sushi")
    theirs = torchvision.datasets.Food101(str(tmp_path), split="test")
    assert list(bundle.test.files) == theirs._image_files
    assert bundle.test.labels.tolist() == theirs._labels
    training = torchvision.datasets.Food101(str(tmp_path), split="train")
    assert sorted((*bundle.train.files, *bundle.val.files)) == sorted(training._image_files)
    assert (len(bundle.train), len(bundle.val)) == (10, 2)


def test_other_lists_of_food_are_refused(tmp_path):
    write_food(tmp_path)
    outside = [{"apple_pie": [place], "sushi": ["sushi/1000"]} for place in ("../../secret", "/etc/passwd", "../x")]
    for lists in (["a/1"], {"a": ["a/1"]}, {"apple_pie": ["apple_pie/1000"], "sushi": "sushi/1000"}, *outside):
        (tmp_path / "meta/test.json").write_text(json.dumps(lists))
        with pytest.raises(BadInputError, match="expected a JSON object"):
            load("food101", tmp_path)
    (tmp_path / "meta/test.json").write_text(json.dumps({"apple_pie": ["apple_pie/1000"], "soup": ["soup/1"]}))
    with pytest.raises(BadInputError, match=r"expected the same classes .* alone with: soup, sushi"):
        load("food101", tmp_path)


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    return write_imagenet(tmp_path_factory.mktemp("imagenet"), train=10, val=2)


def test_torchvisions_loader_sees_the_same_imagenet(imagenet):
    bundle = load("imagenet", imagenet)
    for folder, splits in (("val", [bundle.test]), ("train", [bundle.train, bundle.val])):
        theirs = torchvision.datasets.ImageFolder(str(imagenet / folder)).samples
        ours = [pair for split in splits for pair in zip(map(str, split.files), split.labels.tolist(), strict=True)]
        assert sorted(ours) == sorted(theirs)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (27, 3, 6)
    assert bundle.classes == ("tench", "English springer", "church")
    assert bundle.notes[0] == "val/ is the test set"


def test_an_unlabelled_test_folder_is_not_looked_at_and_val_alone_is_enough_for_a_verdict(imagenet, tmp_path):
    shutil.copytree(imagenet, tmp_path, dirs_exist_ok=True)
    write_image(tmp_path / "test/ILSVRC2012_test_00000001.JPEG.png")  # as of the contest
    published = load("imagenet", imagenet).test_fingerprint
    assert load("imagenet", tmp_path).test_fingerprint == published
    shutil.rmtree(tmp_path / "test")
    shutil.rmtree(tmp_path / "train")
    bundle = load("imagenet", tmp_path, test_only=True)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (0, 0, 6)
    assert bundle.test_fingerprint == published
    with pytest.raises(BadInputError, match=r"expected class folders in .*train, got no such folder"):
        load("imagenet", tmp_path)


def test_other_folders_are_refused(imagenet, tmp_path):
    shutil.copytree(imagenet, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "val" / WORDNET_IDS[1])
    with pytest.raises(BadInputError, match=rf"got 1 in one of them alone: {WORDNET_IDS[1]}$"):
        load("imagenet", tmp_path)
    shutil.rmtree(tmp_path / "val")
    write_image(tmp_path / "val/ILSVRC2012_val_00000001.png")
    with pytest.raises(BadInputError, match=r"named by WordNet ids .*val, got 0 and 1 images without a class; try"):
        load("imagenet", tmp_path)


@pytest.mark.parametrize("size", ["", "-320", "-160"])
def test_imagenette_is_found_in_its_own_folders(tmp_path, size):
    write_imagenet(tmp_path / f"imagenette2{size}", train=2, val=1)
    bundle = load("imagenette", tmp_path)
    assert bundle.name == "imagenette"
    assert bundle.classes == ("tench", "English springer", "church")


NAMES = {number: [one, words.split(",")[0].replace(" ", "_")] for number, (one, words) in enumerate(CRANES.items())}
WORDS = ({one: tuple(words.split(", ")) for one, words in CRANES.items()}, list(CRANES))
LISTS = {
    "meta.mat": lambda path: write_devkit(path.parent, CRANES),
    "meta.bin": lambda path: torch.save(WORDS, path),
    "imagenet_class_index.json": lambda path: path.write_text(json.dumps(NAMES)),
    "LOC_synset_mapping.txt": lambda path: path.write_text("".join(f"{one} {CRANES[one]}\n" for one in CRANES)),
}


@pytest.mark.parametrize("name", LISTS)
def test_every_list_gives_the_first_name_and_the_id_if_two_share_it(tmp_path, name):
    LISTS[name](tmp_path / name)
    expected = ("crane (n02012849)", "crane (n03126707)", "nobody knows", "n12345678")
    assert class_names(tmp_path, [*CRANES, "n12345678"]) == expected


def test_without_a_list_ten_names_are_known_and_all_thousand_of_a_whole_set(tmp_path):
    assert class_names(tmp_path, ["n00000001", "n01440764"]) == ("n00000001", "tench")
    known = {CATEGORIES.index(words[0]): one for one, words in torchvision.datasets.Imagenette._WNID_TO_CLASS.items()}
    ids = [known.get(number, f"n{number:08d}") for number in range(1000)]
    assert class_names(tmp_path, ids) == tuple(CATEGORIES)
    assert class_names(tmp_path, ["n99999999", *ids[:-1]])[:2] == ("n99999999", "tench")


BAD_LISTS = {
    "meta.bin": [b"no"],
    "meta.mat": [b"no"],
    "imagenet_class_index.json": [b"[1, 2]", b'{"0": 3}'],
    "LOC_synset_mapping.txt": [b"n00000001", b"\xff\xfe"],
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_damaged_list_is_named(tmp_path, name):
    for data in BAD_LISTS[name]:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadInputError, match=name.replace(".", r"\.")):
            class_names(tmp_path, ["n00000001"])


def test_a_list_that_would_run_code_is_refused(tmp_path):
    torch.save(({}, [torch.nn.Linear(1, 1)]), tmp_path / "meta.bin")
    with pytest.raises(BadInputError, match=r"meta\.bin is not a list of class names"):
        class_names(tmp_path, ["n00000001"])
