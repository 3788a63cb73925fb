"""The three renderers on one small document."""

import io

import pytest
from rich.console import Console

from compress.report.html import render_html
from compress.report.markdown import render_markdown
from compress.report.sections import Bars, Document, Gallery, Image, Plot, Section, Statements, Table, Tile
from compress.report.terminal import render_terminal

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


@pytest.fixture(scope="module")
def shown():
    console = Console(file=io.StringIO(), width=80)
    render_terminal(DOCUMENT, console)
    return {
        "terminal": console.file.getvalue(),
        "markdown": render_markdown(DOCUMENT),
        "html": render_html(DOCUMENT),
    }


@pytest.mark.parametrize("kind", ["terminal", "markdown", "html"])
def test_all_show_the_open_parts(shown, kind):
    for part in ("small against large", "Half the size.", "max-drop", "1 point", "At 95 %.", "Long", "row 2"):
        assert part in shown[kind]
    assert "Nothing" not in shown[kind]
    assert "Empty" not in shown[kind]


def test_terminal_leaves_out_details_rows_and_columns(shown):
    for part in ("Rare", "seed", "row 3", "more", "Written by hand"):
        assert part not in shown["terminal"]
    assert "Long, 3 of 20 (all of them)" in shown["terminal"]


def test_markdown_folds_details(shown):
    text = shown["markdown"]
    assert "<details><summary>Long; Rare</summary>\n\n### Long\n\nAll of them.\n\n| name |" in text
    assert "### Rare\n\n| x |\n|:---|\n| \\<b> |\n" in text
    assert "<details><summary>Settings</summary>\n\n### Settings\n\n|  |  |\n|:---|---:|\n| seed | 0 |" in text
    assert text.endswith("Written by hand.\n")
    assert "row 19" in text


def test_html_shows_plots_images_and_marks(shown):
    text = shown["html"]
    for part in ("plot-1 falls", "Lower is better.", "data:image/png;base64,AAAA", "called dog", "4 more rows",
                 'class="bar-1" style="width:100.00%"', "&lt;b&gt;", "2 MB → 1 MB"):  # fmt: skip
        assert part in text
