"""Names that hold commands for a terminal, markup and lines of their own, through the whole command line."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from compress.cli.progress import watching
from compress.report.model import dump_report
from compress.runs import RunFolder
from tests.helpers.command import compress
from tests.helpers.runs import tiny_config
from tests.report.compare.runs import finished_run
from tests.report.html.documents import hostile
from tests.report.sample import report

HOSTILE = "a\x1b]0;owned\x07\x1b[2J\x9b31m\rb\u202egnp\u200b[/red][bold]:smile:\nError: forged"
FILE = HOSTILE.replace("/", "")
"""The same as the name of a file."""

SHOWN = r"a\x1b]0;owned\x07\x1b[2J\x9b31m\rb\u202egnp\u200b[/red][bold]:smile:"


def check_safe(done, *, code, shown=SHOWN):
    """No control character, no line that a name has forged; the name is there and can be read."""
    for text in (done.stdout, done.stderr):
        assert all(line.isprintable() for line in text.split("\n"))
        assert not [line for line in text.split("\n") if line.startswith("Error: forged")]
    assert done.returncode == code
    assert shown in "".join(done.stdout.split("\n")) + done.stderr


def test_values_of_flags(tmp_path):
    check_safe(compress("run", "--arch", HOSTILE, "--dry-run", cwd=tmp_path), code=2)
    check_safe(compress("run", "--method", HOSTILE, cwd=tmp_path), code=2, shown="")
    check_safe(compress("compare", HOSTILE, "b", cwd=tmp_path), code=4)
    check_safe(compress("report", HOSTILE, cwd=tmp_path), code=4)
    check_safe(compress(HOSTILE, cwd=tmp_path), code=2, shown="")


@pytest.mark.parametrize("key", [json.dumps(HOSTILE), f'arch = "x"\n{json.dumps(HOSTILE)}'])
def test_keys_and_values_in_toml(tmp_path, key):
    (tmp_path / "a.toml").write_text(f"{key} = {json.dumps(HOSTILE)}\n")
    check_safe(compress("run", "--config", "a.toml", "-a", "resnet20", cwd=tmp_path), code=2)


def test_names_of_classes_and_images(tmp_path):
    for split in ("train", "test"):
        folder = tmp_path / split / FILE
        folder.mkdir(parents=True)
        (folder / f"{FILE}.png").write_bytes(b"no image")
        (tmp_path / split / "other").mkdir()
        for number in range(3):
            Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(tmp_path / split / "other" / f"{number}.png")
    check_safe(
        compress("run", "-a", "resnet20", "--dataset", tmp_path, "--dry-run"), code=4, shown=SHOWN.replace("/", "")
    )


def test_layers_in_a_plan(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps({"groups": [{"name": HOSTILE, HOSTILE: HOSTILE}], HOSTILE: 1}))
    done = compress("run", "-a", "resnet20", "--method", "scratch", "--plan", "plan.json", "--dry-run", cwd=tmp_path)
    check_safe(done, code=4, shown="plan.json")


def test_names_of_runs_and_what_their_events_say(tmp_path):
    finished_run(tmp_path / "runs" / FILE, report())
    config = tiny_config(tmp_path / "photos")
    with RunFolder.create(tmp_path / "runs" / "begun", config, overwrite=False) as run:
        run.finish("01_baseline", 1.0)
    (tmp_path / "runs" / f"{FILE}2").mkdir()
    done = compress("list", "runs", cwd=tmp_path)
    check_safe(done, code=0, shown="is not a run folder")
    as_json = compress("list", "runs", "--json", cwd=tmp_path)
    check_safe(as_json, code=0, shown="")
    assert FILE in {one["name"] for one in json.loads(as_json.stdout)["runs"]}


def test_everything_that_a_report_names(tmp_path):
    (tmp_path / "report.json").write_text(dump_report(hostile()))
    check_safe(compress("report", "report.json", cwd=tmp_path), code=0, shown="")
    as_json = compress("report", "report.json", "--json", cwd=tmp_path)
    check_safe(as_json, code=0, shown="")
    assert json.loads(as_json.stdout)["notes"] == list(hostile().notes)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress(monkeypatch, terminal):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200, highlight=False, color_system=None)
    with watching({}, quiet=False, console=console) as observer:
        observer.stage(HOSTILE, index=1, count=1, steps=2)
        observer.step(1, images=1, values={HOSTILE: HOSTILE})
        observer.note(HOSTILE)
    text = console.file.getvalue()
    assert f"Note: {SHOWN}" in text
    assert "\x1b]0;" not in text
    assert not {"\x07", "\x9b", "\u202e", "\u200b"} & set(text)
    assert "\nError: forged" not in text


def test_readable_names_stay_readable(tmp_path):
    done = compress("run", "--arch", "größe-日本-عرب", "--dry-run", cwd=tmp_path)
    assert "größe-日本-عرب" in done.stderr
