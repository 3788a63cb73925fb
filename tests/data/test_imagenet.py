"""ImageNet and Imagenette: as torchvision's own loaders read them, and messages about other files and lists."""

import json
import shutil

import pytest
import torch

from compress.data.load import load_data
from compress.data.photo_sets import class_names
from compress.errors import BadInputError, UsageError
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision
from tests.data.files import write_image
from tests.helpers.datasets import WORDNET_IDS, write_devkit, write_imagenet

CATEGORIES = torchvision.models._meta._IMAGENET_CATEGORIES
CRANES = {"n02012849": "crane", "n03126707": "crane", "n99999999": "nobody knows, at all"}


def config(folder, **values) -> DataConfig:
    return DataConfig(**({"dataset": "imagenet", "data_dir": folder, "image_size": 32} | values))


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    return write_imagenet(tmp_path_factory.mktemp("imagenet"), train=10, val=2)


def test_torchvisions_loader_sees_the_same_imagenet(imagenet):
    bundle = load_data(config(imagenet))
    for folder, splits in (("val", [bundle.test]), ("train", [bundle.train, bundle.val])):
        theirs = torchvision.datasets.ImageFolder(str(imagenet / folder)).samples
        ours = [
            (str(path), label)
            for split in splits
            for path, label in zip(split.files, split.labels.tolist(), strict=True)
        ]
        assert sorted(ours) == sorted(theirs)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (27, 3, 6)
    assert bundle.classes == ("tench", "English springer", "church")
    assert bundle.notes[0] == "val/ is the test set"


def test_an_unlabelled_test_folder_as_of_the_contest_is_not_looked_at(imagenet, tmp_path):
    shutil.copytree(imagenet, tmp_path / "all")
    write_image(tmp_path / "all/test/ILSVRC2012_test_00000001.JPEG.png")
    assert load_data(config(tmp_path / "all")).test_fingerprint == load_data(config(imagenet)).test_fingerprint


def test_val_alone_is_enough_for_a_verdict_and_for_nothing_else(imagenet, tmp_path):
    shutil.copytree(imagenet / "val", tmp_path / "val")
    bundle = load_data(config(tmp_path), test_only=True)
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (0, 0, 6)
    assert bundle.test_fingerprint == load_data(config(imagenet)).test_fingerprint
    with pytest.raises(BadInputError, match=r"expected class folders in .*train, got no such folder"):
        load_data(config(tmp_path))


def test_imagenet_is_not_downloaded_and_the_message_says_why(tmp_path):
    with pytest.raises(UsageError, match="imagenet cannot be downloaded without an account"):
        load_data(config(tmp_path, download=True))


def test_images_that_nobody_sorted_into_classes_are_counted_in_the_message(imagenet, tmp_path):
    shutil.copytree(imagenet / "train", tmp_path / "train")
    write_image(tmp_path / "val/ILSVRC2012_val_00000001.png")
    with pytest.raises(BadInputError, match=r"named by WordNet ids .*val, got 0 and 1 images without a class; try"):
        load_data(config(tmp_path))


def test_classes_that_are_in_one_split_alone_are_named(imagenet, tmp_path):
    shutil.copytree(imagenet, tmp_path / "all")
    shutil.rmtree(tmp_path / "all/val" / WORDNET_IDS[1])
    with pytest.raises(BadInputError, match=rf"got 1 in one of them alone: {WORDNET_IDS[1]}$"):
        load_data(config(tmp_path / "all"))


@pytest.mark.parametrize("size", ["", "-320", "-160"])
def test_imagenette_is_found_in_its_own_folders(tmp_path, size):
    write_imagenet(tmp_path / f"imagenette2{size}", train=2, val=1)
    bundle = load_data(config(tmp_path, dataset="imagenette"))
    assert bundle.name == "imagenette"
    assert bundle.classes == ("tench", "English springer", "church")


def write_meta_bin(folder):
    torch.save(({one: tuple(words.split(", ")) for one, words in CRANES.items()}, list(CRANES)), folder / "meta.bin")


def write_keras(folder):
    index = {
        str(number): [one, words.split(",")[0].replace(" ", "_")] for number, (one, words) in enumerate(CRANES.items())
    }
    (folder / "imagenet_class_index.json").write_text(json.dumps(index))


def write_kaggle(folder):
    lines = [f"{one} {words}" for one, words in CRANES.items()]
    (folder / "LOC_synset_mapping.txt").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "write", [lambda folder: write_devkit(folder, CRANES), write_meta_bin, write_keras, write_kaggle]
)
def test_every_list_gives_the_first_name_and_the_id_where_two_share_it(tmp_path, write):
    write(tmp_path)
    expected = ("crane (n02012849)", "crane (n03126707)", "nobody knows", "n12345678")
    assert class_names(tmp_path, [*CRANES, "n12345678"]) == expected


def test_without_a_list_ten_names_are_known_and_all_thousand_of_a_whole_set(tmp_path):
    assert class_names(tmp_path, ["n00000001", "n01440764"]) == ("n00000001", "tench")
    known = {CATEGORIES.index(words[0]): one for one, words in torchvision.datasets.Imagenette._WNID_TO_CLASS.items()}
    ids = [known.get(number, f"n{number:08d}") for number in range(1000)]
    assert class_names(tmp_path, ids) == tuple(CATEGORIES)
    shifted = ["n99999999", *ids[:-1]]
    assert class_names(tmp_path, shifted)[1] == "tench"
    assert class_names(tmp_path, shifted)[0] == "n99999999"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("meta.bin", b"no"),
        ("meta.mat", b"no"),
        ("imagenet_class_index.json", b"[1, 2]"),
        ("imagenet_class_index.json", b'{"0": 3}'),
        ("imagenet_class_index.json", b"["),
        ("LOC_synset_mapping.txt", b"n00000001"),
        ("LOC_synset_mapping.txt", b"\xff\xfe"),
    ],
)
def test_a_damaged_list_is_named(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadInputError, match=name.replace(".", r"\.")):
        class_names(tmp_path, ["n00000001"])


def test_a_list_that_would_run_code_is_refused(tmp_path):
    torch.save(({}, [torch.nn.Linear(1, 1)]), tmp_path / "meta.bin")
    with pytest.raises(BadInputError, match=r"meta\.bin is not a list of class names"):
        class_names(tmp_path, ["n00000001"])
