"""A folder of small images and what it is loaded as, at any size."""

from dataclasses import replace
from pathlib import Path

import pytest

from compress.data.load import load_data
from compress.settings.config import DataConfig, build
from tests.exporters.onnx_files import Wanted
from tests.helpers.datasets import write_image_folder

CLASSES = ["bright", "dark", "middling"]
SIZE = 16
GREY = Wanted(channels=1, size=(SIZE, SIZE), classes=3)
COLOUR = replace(GREY, channels=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_image_folder(tmp_path_factory.mktemp("images"), train=8, test=25, size=SIZE)


@pytest.fixture(scope="module")
def load(folder):
    return lambda how: load_data(build(DataConfig, {"dataset": str(folder), **how}))


@pytest.fixture(scope="module")
def data(load):
    return load({"image_size": SIZE})
