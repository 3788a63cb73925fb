import json

import pytest

from compress.errors import BadInputError
from compress.report.compare.sources import read_one
from compress.report.documents import render_again
from compress.report.run_list import Speedup, list_runs
from compress.runs import RunFolder
from compress.runs.file_records import recorded_files
from compress.runs.folder import FAILED
from tests.helpers.runs import tiny_config
from tests.report.compare.runs import finished_run
from tests.report.sample import report


def started(path, time: str) -> None:
    (path / "events.jsonl").write_text(json.dumps({"time": time, "kind": "stage"}) + "\n{broken")


def test_a_judged_run(tmp_path):
    finished_run(tmp_path / "half", report(), dataset="photos")
    started(tmp_path / "half", "2026-11-22T10:29:21+00:00")
    (run,) = list_runs(tmp_path)
    assert (run.name, run.started) == ("half", "2026-11-22T10:29:21+00:00")
    assert (run.arch, run.dataset) == ("squeezenet", "photos")
    assert (run.state, run.problem, run.stages) == ("judged", "", ("07_verify",))
    assert run.verdict is not None
    assert (run.verdict.top1, run.verdict.points_lost) == (355 / 400, 1.25)
    assert run.verdict.lost_low < 1.25 < run.verdict.lost_high
    assert run.verdict.speedup == Speedup(ratio=1.5, low=1.48, high=1.55, batch_size=1, threads=1)


def test_a_verdict_without_latency(tmp_path):
    finished_run(tmp_path / "half", report(latency=()))
    verdict = list_runs(tmp_path)[0].verdict
    assert verdict is not None
    assert verdict.speedup is None


def test_an_unfinished_run_says_how_far_it_came(tmp_path):
    run = RunFolder.create(tmp_path / "run", tiny_config(tmp_path), overwrite=False)
    with run:
        run.finish("01_baseline", 1.0)
        run.finish("03_search", 1.0)
    (found,) = list_runs(tmp_path)
    assert (found.state, found.verdict, found.stages) == ("unfinished", None, ("01_baseline", "03_search"))
    assert found.started is not None  # of the first event, which finish() wrote


def test_a_run_that_would_fail_again_says_why_until_it_has_gone_on(tmp_path):
    run = RunFolder.create(tmp_path / "run", tiny_config(tmp_path), overwrite=False)
    with run:
        run.finish("01_baseline", 1.0)
        run.event(FAILED, reason="it has not left chance")
    (found,) = list_runs(tmp_path)
    assert (found.state, found.problem, found.stages) == ("failed", "it has not left chance", ("01_baseline",))
    for read in (render_again, recorded_files, read_one):
        with pytest.raises(BadInputError, match=r": it failed, it has not left chance$"):
            read(run if read is recorded_files else run.path)
    with run:
        run.event("stage", name="03_search")
    assert list_runs(tmp_path)[0].state == "unfinished"
    with pytest.raises(BadInputError, match=r"go on with compress run --resume .*/run$"):
        render_again(run.path)


def test_what_is_damaged_or_foreign_is_named_and_not_fatal(tmp_path):
    for name in ("a", "b", "c", "d", "photos"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "MANIFEST.sha256").write_text("rubbish")
    for name in ("b", "c", "d"):
        (tmp_path / name).rmdir()
        finished_run(tmp_path / name, report())
    (tmp_path / "b" / "config.toml").write_text("arch = 3")
    (tmp_path / "c" / "report.json").write_text("{}")
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / ".hidden").mkdir()
    found = {run.name: run for run in list_runs(tmp_path)}
    assert {name: run.state for name, run in found.items()} == {
        "d": "judged", "c": "unjudged", "a": "unreadable", "b": "unreadable", "photos": "unreadable",
    }  # fmt: skip
    assert list(found) == ["c", "d", "a", "b", "photos"]
    assert "line 1 is not" in found["a"].problem
    assert "config.toml was changed or damaged" in found["b"].problem
    assert "report.json was changed or damaged" in found["c"].problem
    assert "is not a run folder" in found["photos"].problem


def test_a_verdict_of_another_version_is_told(tmp_path):
    run = RunFolder.create(tmp_path / "old", tiny_config(tmp_path), overwrite=False)
    with run:
        run.write_text("report.json", '{"schema_version": "1.0"}')
    (found,) = list_runs(tmp_path)
    assert (found.state, found.arch) == ("unjudged", "squeezenet")
    assert "has '1.0'" in found.problem


@pytest.mark.parametrize("text", ["", "\n", "[]", '{"time": 3}', '"x"', "\xff"])
def test_an_event_log_that_says_nothing(tmp_path, text):
    finished_run(tmp_path / "run", report())
    (tmp_path / "run" / "events.jsonl").write_bytes(text.encode("latin-1"))
    assert list_runs(tmp_path)[0].started is None


def test_in_the_order_they_were_started(tmp_path):
    for name, time in (("first", "2026-11-20T00:00:00+00:00"), ("a-second", "2026-11-21T00:00:00+00:00")):
        finished_run(tmp_path / name, report())
        started(tmp_path / name, time)
    finished_run(tmp_path / "a-timeless", report())
    (tmp_path / "a-timeless" / "events.jsonl").unlink()
    assert [run.name for run in list_runs(tmp_path)] == ["first", "a-second", "a-timeless"]


def test_a_run_folder_itself(tmp_path):
    path = finished_run(tmp_path / "half", report())
    assert [run.name for run in list_runs(path)] == ["half"]


def test_no_such_folder(tmp_path):
    with pytest.raises(BadInputError, match="expected a folder of runs"):
        list_runs(tmp_path / "nowhere")
    assert list_runs(tmp_path) == ()
