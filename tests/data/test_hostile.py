"""Hostile images and data sets: refused in one message that names the file, or read as what they are."""

import pytest

from compress import reading_limits
from compress.data.folder import load_folder
from compress.data.load import load_data
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from tests.helpers.hostile_files import HOSTILE
from tests.helpers.hostile_images import HOSTILE_IMAGES

READ = (
    "a folder in itself",
    "a folder called as an image",
    "names in two forms of Unicode",
    "an image of one row",
    "a JPEG of 190 scans",
)
LARGE = [name for name in HOSTILE_IMAGES if name.startswith("images of ")]
DATA = [hostile for hostile in HOSTILE if hostile.kind in ("kuzushiji", "cifar10", "food101")]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", [name for name in HOSTILE_IMAGES if name not in (*READ, *LARGE)])
def test_an_image_that_cannot_be_read_is_named(tmp_path, name):
    root = HOSTILE_IMAGES[name](tmp_path)
    with pytest.raises(BadInputError) as refused:
        load_folder(root, DataConfig(dataset=str(root)))
    assert str(root) in str(refused.value)
    assert len(str(refused.value)) < 800


@pytest.mark.parametrize("name", READ)
def test_what_is_odd_and_harmless_is_read(tmp_path, name):
    root = HOSTILE_IMAGES[name](tmp_path)
    bundle = load_folder(root, DataConfig(dataset=str(root)))
    extra = int(name.startswith(("an image", "a JPEG")))
    assert len(bundle.train) + len(bundle.val) == 36 + extra
    assert len(bundle.test) == 12


@pytest.mark.parametrize("hostile", DATA, ids=lambda hostile: f"{hostile.kind}: {hostile.name}")
def test_a_hostile_file_of_a_data_set_is_named(tmp_path, monkeypatch, hostile):
    monkeypatch.setattr(reading_limits, "_SPARE_BYTES", 2**28)
    root = hostile.make(tmp_path)
    with pytest.raises(BadInputError) as refused:
        load_data(DataConfig(dataset=hostile.kind, data_dir=root))
    assert str(root) in str(refused.value)
    assert "\n" not in str(refused.value)
