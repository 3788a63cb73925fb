import io

import pytest
from rich.console import Console

from compress.report.terminal import render_terminal
from tests.report.sample import CLASSES, network, report

EVIL = "[/red][bold]<script>\x1b[2J a_very_long_name_that_does_not_fit_into_any_column_of_any_terminal_whatsoever"


def rendered(document, *, width: int | None = 80, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    render_terminal(document, console)
    return console.file.getvalue()


def test_the_verdict_comes_first_and_the_tables_follow():
    text = rendered(report())
    order = ["pruned against original", "gained", "lost", "Networks", "Latency", "Checks", "Time"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    for fact in ("1.48 to 1.55", "90.00 %", "aaaaaaaaaaaa", "400 / 400", "2 min 41 s", "no difference"):
        assert fact in text


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [80, 200, 40])
def test_at_most_80_columns_and_never_cut(width, terminal):
    four = (
        *report().networks,
        network("original, as given", "extra", wrong=range(50), file="given.onnx", epochs=None),
        network("full (F)", "extra", wrong=range(20), file="full.onnx"),
    )
    text = rendered(report(networks=four), width=width, terminal=terminal)
    assert max(len(line) for line in text.splitlines()) <= min(width, 80)
    assert "…" not in text
    if width >= 80:
        assert "90.00 %" in text
        assert "87.50 %" in text


def test_a_pipe_without_a_width_is_not_cut(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert rendered(report(), width=None) == rendered(report(), width=80)


def test_names_are_text_not_markup_nor_control_codes():
    data = report().data.model_copy(update={"name": EVIL, "classes": CLASSES})
    networks = (report().original, network(EVIL, "candidate", wrong=range(9), file=EVIL))
    text = rendered(report(data=data, networks=networks, notes=(EVIL,), seconds={EVIL: 1.0}))
    assert "\x1b" not in text
    assert "[/red][bold]<script>" in text
    whole = "".join(text.split())
    assert EVIL.replace("\x1b", "\ufffd").replace(" ", "") in whole


def test_sections_without_rows_are_left_out():
    assert "Latency" not in rendered(report(latency=()))
