"""``compress list archs|datasets|methods``, in this process: most of the time a list takes is imports."""

import json
from typing import get_args

from typer.testing import CliRunner

from compress.cli.listing import app
from compress.settings.config import Method
from compress.settings.methods import METHODS
from models_zoo.zoo import ARCHITECTURES


def listed(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "60"}, catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def test_archs_are_all_there_and_no_name_is_cut():
    table = listed("archs")
    words = table.split()
    assert all(name in words for name in ARCHITECTURES)
    assert max(len(line) for line in table.splitlines()) <= 80  # what a pipe gets
    assert "squeezenet is squeezenet1_1." in table


def test_archs_as_json():
    rows = json.loads(listed("archs", "--json"))["archs"]
    assert [row["name"] for row in rows] == list(ARCHITECTURES)
    vit = next(row for row in rows if row["name"] == "vit_b_32")
    assert (vit["family"], vit["parameters"], vit["image_size_multiple_of"]) == ("ViT", 88_224_232, 32)


def test_timms_names_are_one_a_line():
    lines = listed("archs", "--timm").splitlines()
    assert "timm/resnet18" in lines
    assert all(line.startswith("timm/") for line in lines)


def test_datasets_say_what_they_are_and_which_files_they_need():
    by_name = {row["name"]: row for row in json.loads(listed("datasets", "--json"))["datasets"]}
    assert by_name["fashion-sample"]["files"] == ""
    assert "data_batch_1" in by_name["cifar10"]["files"]
    assert all(row["summary"] and row["source"] for row in by_name.values())
    assert all(name in listed("datasets") for name in by_name)


def test_methods_are_those_of_the_settings():
    rows = json.loads(listed("methods", "--json"))["methods"]
    assert [row["name"] for row in rows] == list(METHODS)
    assert set(METHODS) == set(get_args(Method))
    assert all(row["summary"] and row["source"] for row in rows)
    table = listed("methods")
    assert all(name in table for name in METHODS)
