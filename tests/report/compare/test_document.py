"""A comparison as a document, and rendered in a terminal and as HTML."""

import io
from itertools import product

import pytest
from rich.console import Console

from compress.report.compare.assemble import compare_reports
from compress.report.compare.document import comparison_document
from compress.report.html import render_html
from compress.report.terminal import render_terminal
from tests.helpers.chromium import MISSING, PROGRAM, chromium
from tests.report.compare.runs import on_machine, other_run
from tests.report.html.documents import Page
from tests.report.sample import full_report, latency_row, report


def documents(*, force=False, **reports):
    return comparison_document(compare_reports(list(reports.items()), force=force))


def plots(document):
    return [plot for section in document.sections for plot in section.plots]


def shown(document) -> tuple[str, list[str]]:
    """The text in a terminal, and its lines with single spaces."""
    stream = io.StringIO()
    render_terminal(document, Console(file=stream, width=80))
    return stream.getvalue(), [" ".join(line.split()) for line in stream.getvalue().splitlines()]


@pytest.fixture(scope="module")
def two():
    return documents(half=full_report(), other=other_run())


def test_the_terminal_shows_every_row_in_80_columns(two):
    text, lines = shown(two)
    assert max(len(line) for line in text.splitlines()) <= 80
    for line in (
        "A half squeezenet fashion-sample 48 2026-11-22",
        "A original fp32 90.00 % 86.67 to 92.57 - -",
        "A pruned int8 int8 88.25 % 84.72 to 91.05 -1.75 -5.85 to +2.33",
        "A pruned int8 0.430 3.50x 3.30 to 3.70 12.5 M 290 k 330 kB",
        "latency A pruned int8 28.6 % 88.25 %",
        "MACs B pruned 9.00 M 92.00 %",
        "Noisy timing: A pruned fp16.",
    ):
        assert line in lines
    assert "*" not in text


def test_three_plots_with_their_fronts_and_legends(two):
    latency, macs, size = plots(two)
    assert latency.description.startswith("Top-1 over time per call, own original = 100 %; on the front: ")
    assert "A pruned int8: 88.25 % at 28.6;" in latency.description  # 100 / 3.5
    assert macs.description == "Top-1 over million MACs per image; on the front: B pruned: 92.00 % at 9.00."
    assert size.description.startswith("Top-1 over file, MB; on the front: ")
    page = Page(render_html(two))
    images = [svg["aria-label"] for svg in page.of("svg") if svg.get("role") == "img"]
    assert images == [latency.description, macs.description, size.description]
    for text in ("half", "other", "A original int8", "A pruned fp16", "B pruned", "3.30 to 3.70", "330 kB"):
        assert text in page.text
    assert page.text.count("A pruned int8") >= 3 + 4  # the legends, two tables and two fronts
    assert render_html(two) == render_html(two)


def test_forced_rows_are_marked_and_the_differences_listed():
    here, there = on_machine("P"), on_machine("Q")
    forced = documents(a=report(environment=here), b=other_run(environment=there), force=True)
    text, lines = shown(forced)
    assert "so differences between rows of different runs say nothing" in " ".join(text.split())
    assert lines[lines.index("processor A P") + 1] == "B Q"
    rows = [line for line in lines if " fp32 " in line]
    assert len(rows) == 4
    assert all(" * fp32 " in row for row in rows)
    page = Page(render_html(forced))
    assert "Compared by force" in page.text
    assert page.text.count("B pruned *") == page.text.count("B pruned") >= 3


def test_without_latencies_two_plots_are_left():
    rows = [(latency_row(batch, 1, 1.1, 1.2, 1.3),) for batch in (1, 2)]
    document = documents(a=report(latency=rows[0]), b=other_run(latency=rows[1]))
    assert [plot.title for plot in plots(document)] == ["Accuracy over MACs", "Accuracy over size"]


def test_names_of_users_are_text_and_long_names_fold():
    name = "[/red]\x1b[2Jx<script>" + "a-very-long-name-of-a-network-and-a-data-set-" * 3 + "abcd"
    document = documents(a=report(), **{name: other_run()})
    text, _ = shown(document)
    printed = name.replace("\x1b", r"\x1b")
    assert printed in "".join(line[4:33].strip() for line in text.splitlines())
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    page = Page(render_html(document))
    assert not page.of("script")
    assert printed in page.text


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
def test_the_page_fits_in_a_browser_that_has_nothing_to_complain_about(tmp_path):
    names = ("<script>alert(1)</script>", "[/red]" + "n" * 90, "run0", "run1", "run2")
    others = (other_run(environment=on_machine("Other CPU")), other_run(), other_run(), other_run())
    file = tmp_path / "compare.html"
    reports = dict(zip(names, (full_report(), *others), strict=True))
    file.write_text(render_html(documents(**reports, force=True)), encoding="utf-8")
    with chromium(tmp_path / "profile") as page:
        for width, dark in product((1280, 390), (False, True)):
            page.show(file, width=width, dark=dark)
            assert page.complaints == []
            assert page.ask("document.documentElement.scrollWidth") <= width
            assert page.ask("document.scripts.length") == 0
            assert page.ask("document.querySelectorAll('svg.plot').length") == 3
