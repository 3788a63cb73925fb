"""``compress list archs|datasets`` as their users meet them."""

import json

from models_zoo.zoo import ARCHITECTURES
from tests.helpers.command import compress


def test_archs_are_all_there_and_no_name_is_cut(tmp_path):
    done = compress("list", "archs", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    words = done.stdout.split()
    assert all(name in words for name in ARCHITECTURES)
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert "squeezenet is squeezenet1_1." in done.stdout
    rows = json.loads(compress("list", "archs", "--json", cwd=tmp_path).stdout)["archs"]
    assert [row["name"] for row in rows] == list(ARCHITECTURES)
    vit = next(row for row in rows if row["name"] == "vit_b_32")
    assert (vit["family"], vit["parameters"], vit["image_size_multiple_of"]) == ("ViT", 88_224_232, 32)


def test_timms_names_are_one_a_line(tmp_path):
    lines = compress("list", "archs", "--timm", cwd=tmp_path).stdout.splitlines()
    assert "timm/resnet18" in lines
    assert all(line.startswith("timm/") for line in lines)


def test_datasets_say_what_they_are_and_which_files_they_need(tmp_path):
    rows = json.loads(compress("list", "datasets", "--json", cwd=tmp_path).stdout)["datasets"]
    by_name = {row["name"]: row for row in rows}
    assert by_name["fashion-sample"]["files"] == ""
    assert "data_batch_1" in by_name["cifar10"]["files"]
    assert all(row["summary"] and row["source"] for row in rows)
    table = compress("list", "datasets", cwd=tmp_path).stdout
    assert all(name in table for name in by_name)
