"""The three renderers on one small document, and the terminal's on whole reports."""

import builtins
import io

import pytest
from rich.console import Console

from compress.report.documents import report_document
from compress.report.html import render_html
from compress.report.markdown import render_markdown
from compress.report.sections import Bars, Document, Gallery, Image, Plot, Section, Statements, Table, Tile
from compress.report.terminal import render_terminal, render_text
from tests.report.html.documents import HOSTILE, check_order, hostile
from tests.report.sample import foreign_report, full_report, network, report

LONG = Table(
    title="Long", columns=("name", "number", "more"), rows=tuple((f"row {k}", str(k), "m") for k in range(20)),
    note="all of them", detail_columns=frozenset({"more"}), short=3, marks=tuple(Bars((k, 2 * k)) for k in range(20)),
)  # fmt: skip
CURVE = Plot("Curve", "falls", lambda *, name, description: f"{name} {description}", "Lower is better.")
DOCUMENT = Document(
    command="report",
    title="small against large",
    headlines=("Half the size.",),
    sections=(
        Section("Verdict", tiles=(Tile("File", "2x", "smaller", "2 MB -> 1 MB"),), texts=("At 95 %.",),
                statements=(Statements("FAILED", ("max-drop",)), Statements("lost", ("1 point",)))),
        Section("Numbers", tables=(LONG, Table("Nothing", ("a",), ())), folded=(Table("Rare", ("x",), (("<b>",),)),)),
        Section("Empty", tables=(Table("Nothing", ("a",), ()),)),
        Section("Settings", tables=(Table("Settings", ("", ""), (("seed", "0"),)),), detail=True,
                plots=(CURVE,), galleries=(Gallery("Only large", (Image("AAAA", "cat", "dog", 7),)),)),
    ),
    footer="Written by hand.",
)  # fmt: skip


def test_text_is_returned_in_a_notebook_too(monkeypatch):
    expected = render_text(DOCUMENT)
    assert "Half the size." in expected
    shell = type("ZMQInteractiveShell", (), {})()  # by this name rich knows a notebook, and draws there
    monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    assert render_text(DOCUMENT) == expected


def in_terminal(document: Document, *, width: int | None = 80, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    render_terminal(document, console)
    return console.file.getvalue()


def rendered(document, **options) -> str:
    return in_terminal(report_document(document), **options)


@pytest.mark.parametrize("render", [in_terminal, render_markdown, render_html])
def test_all_show_the_open_parts(render):
    text = render(DOCUMENT)
    for part in ("small against large", "Half the size.", "max-drop", "1 point", "At 95 %.", "Long", "row 2"):
        assert part in text
    assert "Nothing" not in text
    assert "Empty" not in text


def test_markdown_folds_details():
    text = render_markdown(DOCUMENT)
    assert "<details><summary>Long; Rare</summary>\n\n### Long\n\nAll of them.\n\n| name |" in text
    assert "### Rare\n\n| x |\n|:---|\n| \\<b> |\n" in text
    assert "<details><summary>Settings</summary>\n\n### Settings\n\n|  |  |\n|:---|---:|\n| seed | 0 |" in text
    assert text.endswith("Written by hand.\n")
    assert "row 19" in text


def test_html_shows_plots_images_and_marks():
    text = render_html(DOCUMENT)
    for part in ("plot-1 falls", "Lower is better.", "data:image/png;base64,AAAA", "called dog", "4 more rows",
                 'class="bar-1" style="width:100.00%"', "&lt;b&gt;", "2 MB → 1 MB"):  # fmt: skip
        assert part in text


def test_in_the_terminal_the_verdict_comes_first_and_the_tables_follow():
    text = rendered(full_report())
    order = ["pruned against original", "FAILED max-drop", "passed", "gained", "no difference", "also", "note",
             "How it was timed", "Accuracy", "Size", "Latency", "Answers", "Classes", "profiling slows every node",
             "layout change", "features.0", "memory-bound", "Checks", "Files", "Time"]  # fmt: skip
    words = " ".join(text.split())
    check_order(words, order)
    for fact in ("1.48 to 1.55", "90.00 %", "aaaaaaaaaaaa", "400 / 400", "2 min 41 s", "14.0 MB",
                 "memory: peak of opening the file and one call, batch 1, 1 thread",
                 "features.0 1000 500 10.0 % 50.0 %"):  # fmt: skip
        assert fact in words
    assert "all layers" not in text
    cell = " ".join(line for line in text.splitlines() if line.startswith(" " * 40))  # folded in its column
    assert "(minmax) on 512 training images, weights int8 per channel, activations uint8" in " ".join(cell.split())


def test_the_terminal_leaves_out_details_and_parts_without_data():
    text = rendered(foreign_report())
    for word in ("epochs", "Checks", "Time", "None"):
        assert word not in text
    assert "uint8 Nx48x48x1" in text
    assert "Latency" not in rendered(report(latency=()))
    small = in_terminal(DOCUMENT)
    for part in ("Rare", "seed", "row 3", "more", "Written by hand"):
        assert part not in small
    assert "Long, 3 of 20 (all of them)" in small


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [80, 200, 40])
def test_at_most_80_columns_and_never_cut(width, terminal):
    extra = [
        network(label, "extra", wrong=range(wrong), file="x.onnx", epochs=None)
        for label, wrong in (("original, as given", 50), ("full (F)", 20))
    ]
    text = rendered(report(networks=(*report().networks, *extra)), width=width, terminal=terminal)
    both = text + rendered(full_report(), width=width, terminal=terminal)
    assert max(len(line) for line in both.splitlines()) <= min(width, 80)
    assert "…" not in both
    assert width < 80 or ("90.00 %" in text and "87.50 %" in text)


def test_a_pipe_without_a_width_is_not_cut(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert rendered(report(), width=None) == rendered(report(), width=80)


def test_names_are_text_not_markup_nor_control_codes():
    text = rendered(hostile())
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
    assert text.count("[/red]") > 4  # of networks, layers and classes, however they are folded
    whole = "".join(text.split())
    assert all("".join(name.split()) in whole for name in HOSTILE if name.isprintable())
    assert r"reversed\x1b[31m" in whole
