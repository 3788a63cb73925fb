"""Food-101's folder and lists: as torchvision's own loader reads them, and what is said of other lists."""

import json

import pytest

from compress.data.load import load_data
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from models_zoo.torchvision_mend import torchvision
from tests.helpers.datasets import write_food


def load(folder):
    return load_data(DataConfig(dataset="food101", data_dir=folder, image_size=32))


def test_torchvisions_loader_sees_the_same_files_labels_and_names(tmp_path):
    write_food(tmp_path / "food-101")
    bundle = load(tmp_path)
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
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        (["a/1"], "expected a JSON object"),
        ({"a": ["a/1"]}, "expected a JSON object"),
        ({"apple_pie": ["apple_pie/1000"], "sushi": "sushi/1000"}, "expected a JSON object"),
        ({"apple_pie": ["../../secret"], "sushi": ["sushi/1000"]}, "expected a JSON object"),
        ({"apple_pie": ["/etc/passwd"], "sushi": ["sushi/1000"]}, "expected a JSON object"),
        ({"apple_pie": ["../x"], "sushi": ["sushi/1000"]}, "expected a JSON object"),
        ({"apple_pie": ["apple_pie/1000"], "soup": ["soup/1"]}, "expected the same classes .*: soup, sushi"),
    ],
)
def test_other_lists_are_refused(tmp_path, lists, message):
    write_food(tmp_path)
    (tmp_path / "meta/test.json").write_text(lists if isinstance(lists, str) else json.dumps(lists))
    with pytest.raises(BadInputError, match=message):
        load(tmp_path)
