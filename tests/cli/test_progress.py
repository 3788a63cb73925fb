"""What is shown while a run goes on."""

import io

import pytest
from rich.console import Console

from compress.cli.progress import LiveObserver, PlainObserver, watching
from compress.observer import Observer
from compress.run.eta import RunEstimate


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_plain_lines_begin_end_and_every_thirty_seconds():
    lines, clock = [], Clock()
    observer = PlainObserver(lines.append, RunEstimate({"03_search": 2.0, "04_remove": 0.5}), clock)
    observer.stage("03_search", index=2, count=7, steps=100)
    for done in range(1, 101):
        clock.now += 1
        observer.step(done, images=128, values={"epoch": "1/2", "loss": 0.123456})
    observer.stage("remove", index=3, count=7, steps=0)
    observer.note("a head was replaced")
    for _twice in range(2):
        observer.end_stage()
    assert lines == [
        "[2/7] search: begins, 100 steps",
        "[2/7] search: step 30/100, epoch 1/2, loss 0.1235, 128 images/s, 1 min 10 s left, run 1 min 35 s",
        "[2/7] search: step 60/100, epoch 1/2, loss 0.1235, 128 images/s, 40.0 s left, run 1 min 05 s",
        "[2/7] search: step 90/100, epoch 1/2, loss 0.1235, 128 images/s, 10.0 s left, run 35.0 s",
        "[2/7] search: 1 min 40 s, epoch 1/2, loss 0.1235",
        "[3/7] remove: begins",
        "Note: a head was replaced",
        "[3/7] remove: 0.0 s",
    ]


def test_a_resumed_stage_is_not_taken_for_a_fast_one():
    lines, clock = [], Clock()
    observer = PlainObserver(lines.append, RunEstimate({}), clock)
    observer.stage("03_search", index=2, count=7, steps=100)
    for done in (51, 52, 53):
        clock.now += 20
        observer.step(done, images=10, values={})
    assert lines[1:] == ["[2/7] search: step 52/100, 0 images/s, 16 min 00 s left"]


def _terminal(monkeypatch, name="TERM", value="xterm"):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    return Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)


def test_live_display_shows_names_as_they_are_unless_it_is_quiet(monkeypatch):
    console = _terminal(monkeypatch)
    with watching({}, quiet=False, console=console) as observer:
        assert type(observer) is LiveObserver
        observer.stage("search [/red]", index=2, count=7, steps=4)
        observer.step(2, images=8, values={"loss": 0.5, "note": "[bold]"})
        observer.note("class [/red] has one image")
        observer.stage("remove", index=3, count=7, steps=0)
    text = console.file.getvalue()
    assert "[2/7] search [/red]" in text
    assert "note [bold]" in text
    assert "Note: class [/red] has one image" in text
    assert "✓ [3/7] remove" in text.replace("\x1b[0m", "")
    with watching({}, quiet=True, console=console) as observer:
        assert type(observer) is Observer


@pytest.mark.parametrize("setting", [("CI", "true"), ("TERM", "dumb")])
def test_logs_get_plain_lines_and_an_error_leaves_no_false_end(monkeypatch, setting):
    console = _terminal(monkeypatch, *setting)
    with pytest.raises(ZeroDivisionError), watching({}, quiet=False, console=console) as observer:  # noqa: PT012
        assert isinstance(observer, PlainObserver)
        observer.stage("a [/red]", index=1, count=1, steps=0)
        raise ZeroDivisionError
    assert console.file.getvalue() == "[1/1] a [/red]: begins\n"
