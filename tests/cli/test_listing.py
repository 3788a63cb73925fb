"""``compress list``, in this process: most of the time a list takes is imports."""

import json
from typing import get_args

from compress.runs import RunFolder
from compress.settings.config import Method
from compress.settings.methods import METHODS
from models_zoo.zoo import ARCHITECTURES
from tests.helpers.command import compress
from tests.helpers.runs import tiny_config
from tests.report.compare.runs import finished_run
from tests.report.sample import report


def listed(*arguments: str) -> str:
    done = compress("list", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def rows_of(what: str) -> list[dict]:
    """The rows as JSON; their names are in the table too."""
    rows = json.loads(listed(what, "--json"))[what]
    assert {row["name"] for row in rows} <= set(listed(what).split())
    return rows


def test_archs_are_all_there_and_no_name_is_cut():
    table = listed("archs")
    assert max(len(line) for line in table.splitlines()) <= 80  # what a pipe gets
    assert "squeezenet is squeezenet1_1." in table
    rows = rows_of("archs")
    assert [row["name"] for row in rows] == list(ARCHITECTURES)
    by_name = {row["name"]: row for row in rows}
    vit = by_name["vit_b_32"]
    assert (vit["family"], vit["parameters"], vit["image_size_multiple_of"]) == ("ViT", 88_224_232, 32)
    assert by_name["squeezenet1_1"]["aliases"] == ["squeezenet"]
    lines = listed("archs", "--timm").splitlines()
    assert "timm/resnet18" in lines
    assert all(line.startswith("timm/") for line in lines)


def test_datasets_say_what_they_are_and_which_files_they_need():
    by_name = {row["name"]: row for row in rows_of("datasets")}
    assert by_name["fashion-sample"]["files"] == ""
    assert "data_batch_1" in by_name["cifar10"]["files"]
    assert all(row["summary"] and row["source"] for row in by_name.values())


def test_methods_are_those_of_the_settings():
    rows = rows_of("methods")
    assert [row["name"] for row in rows] == list(METHODS)
    assert set(METHODS) == set(get_args(Method))
    assert all(row["summary"] and row["source"] for row in rows)


def test_the_runs_of_a_folder(tmp_path, monkeypatch):
    finished_run(tmp_path / "runs" / "half [red]", report())
    with RunFolder.create(tmp_path / "runs" / "begun", tiny_config(tmp_path / "photos"), overwrite=False) as run:
        run.finish("01_baseline", 1.0)
    (tmp_path / "runs" / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    table = listed("runs").splitlines()
    assert max(map(len, table)) <= 80
    lines = [" ".join(line.split()) for line in table]
    half = next(line for line in lines if line.startswith("half [red] "))
    assert half.endswith("squeezenet fashion-sample 88.75 %, -1.25, 1.50x")
    assert next(line for line in lines if line.startswith("begun ")).endswith("1 of 7 stages")
    assert "photos: runs/photos is not a run folder: it has no MANIFEST.sha256" in lines
    assert "Resume an unfinished run with compress run --resume FOLDER." in lines
    states = {run["name"]: run["state"] for run in json.loads(listed("runs", "runs", "--json"))["runs"]}
    assert states == {"half [red]": "judged", "begun": "unfinished", "photos": "unreadable"}


def test_no_runs_yet(tmp_path):
    done = compress("list", "runs", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no runs in runs: compress run makes one\n")
    assert json.loads(compress("list", "runs", "--json", cwd=tmp_path).stdout)["runs"] == []
    named = compress("list", "runs", "elsewhere", cwd=tmp_path)
    assert named.returncode == 4
    assert "expected a folder of runs, elsewhere is none" in named.stderr
