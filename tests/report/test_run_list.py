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


def judged_run(path, *, time: str = "", **changes) -> None:
    finished_run(path, report(**changes), dataset="photos")
    if time:
        (path / "events.jsonl").write_text(json.dumps({"time": time, "kind": "stage"}) + "\n{broken")


def test_judged_runs_in_the_order_they_were_started(tmp_path):
    judged_run(tmp_path / "first", time="2026-11-20T00:00:00+00:00")
    judged_run(tmp_path / "a-second", time="2026-11-21T00:00:00+00:00", latency=())
    judged_run(tmp_path / "a-timeless")
    (tmp_path / "a-timeless" / "events.jsonl").unlink()
    run, second, last = list_runs(tmp_path)
    assert (run.name, second.name, last.name, last.started) == ("first", "a-second", "a-timeless", None)
    assert (run.started, run.arch, run.dataset) == ("2026-11-20T00:00:00+00:00", "squeezenet", "photos")
    assert (run.state, run.problem, run.stages) == ("judged", "", ("07_verify",))
    assert (run.verdict.top1, run.verdict.points_lost) == (355 / 400, 1.25)
    assert run.verdict.lost_low < 1.25 < run.verdict.lost_high
    assert run.verdict.speedup == Speedup(ratio=1.5, low=1.48, high=1.55, batch_size=1, threads=1)
    assert second.verdict.speedup is None
    assert list_runs(tmp_path / "first") == (run,)  # a run folder itself


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
        run.finish("03_search", 1.0)
    (found,) = list_runs(tmp_path)
    assert (found.state, found.verdict, found.stages) == ("unfinished", None, ("01_baseline", "03_search"))
    assert found.started is not None  # of the first event, which finish() wrote
    with pytest.raises(BadInputError, match=r"go on with compress run --resume .*/run$"):
        render_again(run.path)


def test_what_is_damaged_foreign_or_of_another_version_is_named_and_not_fatal(tmp_path):
    for name in ("a", "photos", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "a" / "MANIFEST.sha256").write_text("rubbish")
    for name in ("b", "c", "d"):
        judged_run(tmp_path / name)
    (tmp_path / "b" / "config.toml").write_text("arch = 3")
    (tmp_path / "c" / "report.json").write_text("{}")
    with RunFolder.create(tmp_path / "e", tiny_config(tmp_path), overwrite=False) as run:
        run.write_text("report.json", '{"schema_version": "1.0"}')
    found = {run.name: run for run in list_runs(tmp_path)}
    assert {name: run.state for name, run in found.items()} == {
        "d": "judged", "c": "unjudged", "e": "unjudged", "a": "unreadable", "b": "unreadable", "photos": "unreadable",
    }  # fmt: skip
    assert (
        [name for name, run in found.items() if run.state == "unreadable"] == list(found)[-3:] == ["a", "b", "photos"]
    )
    for name, problem in {
        "a": "line 1 is not", "b": "config.toml was changed or damaged", "c": "report.json was changed or damaged",
        "e": "has '1.0'", "photos": "is not a run folder",
    }.items():  # fmt: skip
        assert problem in found[name].problem


@pytest.mark.parametrize("text", ["", "\n", "[]", '{"time": 3}', '"x"', "\xff"])
def test_an_event_log_without_a_time(tmp_path, text):
    judged_run(tmp_path / "run")
    (tmp_path / "run" / "events.jsonl").write_bytes(text.encode("latin-1"))
    assert list_runs(tmp_path)[0].started is None


def test_no_such_folder(tmp_path):
    with pytest.raises(BadInputError, match="expected a folder of runs"):
        list_runs(tmp_path / "nowhere")
    assert list_runs(tmp_path) == ()
