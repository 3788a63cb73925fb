"""``compress list runs`` as its users meet it."""

import json

from compress.runs import RunFolder
from tests.helpers.command import compress
from tests.helpers.runs import tiny_config
from tests.report.compare.runs import finished_run
from tests.report.sample import report


def test_the_runs_of_a_folder(tmp_path):
    finished_run(tmp_path / "runs" / "half [red]", report())
    with RunFolder.create(tmp_path / "runs" / "begun", tiny_config(tmp_path / "photos"), overwrite=False) as run:
        run.finish("01_baseline", 1.0)
    (tmp_path / "runs" / "photos").mkdir()
    done = compress("list", "runs", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    half = next(line for line in lines if line.startswith("half [red] "))
    assert half.endswith("squeezenet fashion-sample 88.75 %, -1.25, 1.50x")
    assert next(line for line in lines if line.startswith("begun ")).endswith("1 of 7 stages")
    assert "photos: runs/photos is not a run folder: it has no MANIFEST.sha256" in lines
    assert "Resume an unfinished run with compress run --resume FOLDER." in lines
    document = json.loads(compress("list", "runs", "runs", "--json", cwd=tmp_path).stdout)
    assert {run["name"]: run["state"] for run in document["runs"]} == {
        "half [red]": "judged", "begun": "unfinished", "photos": "unreadable",
    }  # fmt: skip


def test_no_runs_yet(tmp_path):
    done = compress("list", "runs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "no runs in runs: compress run makes one\n"
    assert json.loads(compress("list", "runs", "--json", cwd=tmp_path).stdout)["runs"] == []
    named = compress("list", "runs", "elsewhere", cwd=tmp_path)
    assert named.returncode == 4
    assert "expected a folder of runs, elsewhere is none" in named.stderr


def test_help_has_an_example():
    assert "Example: compress list runs" in compress("list", "runs", "-h").stdout
