import re

from markdown_it import MarkdownIt

from compress.report.markdown import escape, render_markdown
from tests.report.sample import network, report
from tests.report.test_terminal import EVIL


def test_every_section_is_there():
    text = render_markdown(report())
    titles = [line.removeprefix("## ").split(" (")[0] for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "Networks", "Latency of the files", "Latency percentiles", "Checks", "Layers", "Search",
        "Search, epoch by epoch", "Time", "Data", "Settings", "Machine and versions",
    ]  # fmt: skip
    for fact in (
        "| features.3.squeeze | Conv2d | 64 -> 32 | 16 -> 16 |",
        "10,800 training",
        "| cpu.model | Some CPU |",
    ):
        assert fact in text


def test_tables_are_whole():
    rows = [line for line in render_markdown(report()).splitlines() if line.startswith("|")]
    html = MarkdownIt("commonmark").enable("table").render(render_markdown(report()))
    separators = sum(set(row) <= set("|:-") for row in rows)
    assert html.count("<tr>") == len(rows) - separators
    assert separators == html.count("<table>") == 9


def test_names_cannot_break_out():
    networks = (report().original, network(EVIL + "|x|", "candidate", wrong=range(9), file="a`b`.onnx"))
    evil = report(networks=networks, run_name=EVIL, notes=("[click](javascript:alert(1)) **bold** <b>",))
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(render_markdown(evil))
    assert not re.search(r"<(script|b|a|code|em)\b", html)
    assert html.count("<strong>") == 1
    columns = {row.count("<th") for row in re.findall(r"<tr>\n<th.*?</tr>", html, re.S)}
    assert columns <= {2, 3, 4, 5, 7}
    assert "\x1b" not in html


def test_escaped_text_shows_itself():
    text = r"a\b `c` *d* _e_ [f](g) <h> | &amp; ~~i~~"
    html = MarkdownIt("commonmark").render(f"x {escape(text)}")
    shown = html.removeprefix("<p>x ").removesuffix("</p>\n")
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    assert shown == text
