import re

import pytest
from markdown_it import MarkdownIt

from compress.report import markdown
from compress.report.documents import report_document
from compress.report.network_tables import MOST_CLASSES
from tests.report.html.documents import hostile, large
from tests.report.sample import foreign_report, full_report, report

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def render_markdown(document) -> str:
    return markdown.render_markdown(report_document(document))


def titles(text: str) -> list[str]:
    return re.findall(r"^### (.*)$", text, flags=re.M)


def test_every_section_is_there_and_what_is_long_is_folded():
    text = render_markdown(full_report())
    assert titles(text) == [
        "Accuracy of the files", "Size", "Files made from other files",
        "Latency, original -> pruned", "Latency of the other files",
        "Latency, original -> original int8", "Latency, original -> pruned int8", "Latency, pruned -> pruned int8",
        "Latency, original -> pruned fp16", "Latency percentiles", "How each pair was timed",
        "Answers of the files", "Classes, largest loss first", "Wrong answers that changed most",
        "Time by operator", "Time by layer", "Layers", "Training, last epoch of each stage", "Search, epoch by epoch",
        "Checks", "Files", "Time",
        "original", "pruned", "original int8", "pruned int8", "pruned fp16", "Data", "Machine and versions", "Settings",
    ]  # fmt: skip
    for fact in (
        "| features.3.squeeze | Conv2d | 64 -> 32 | 16 -> 16 |",
        "| features.3 | Conv | 2000 | 250 | 50.0 % | 5.0 % | 10.0 % | memory-bound |",
        "| training images | 10,800 |",
        "| cpu.model | Some CPU |",
        "| onnxruntime.provider | CPUExecutionProvider |",
        "| fine-tuning | 1 to 8 | 0.1258 |",
        "- **FAILED**: max-drop: 1.25 points",
        "- No difference shown: Top-1 90.00 % -> 88.75 %",
        "How it was timed: both files in turn",
        "of 20 such intervals about one misses by chance",
        "Search: edropout, preset default, 8 states, 255 iterations, converged in epoch 2, 1 min 01 s.",
        "| epoch | training loss | training Top-1 | validation loss |",
        "| sha256 of test images and labels (what compare goes by) | " + "e" * 64,
        "| sha256 of all images, labels and splits | " + "f" * 64,
        "| original | pruned | 1 | 1 | 1.50 | 1.47 to 1.54 | 1.65 | 1.95 |",
        "| pruned int8 | pruned | 1 | 1 | 10 | 2 | 700 | 690 | yes |",
        "| pruned int8 | 88.25 % | 84.72 to 91.05 | -1.75 | -5.85 to +2.33 | 0.46 |",
        "| pruned int8 | pruned | 1.00 | 0.430 | 2.30x | 2.20 to 2.50 | faster |",
        "| pruned int8 | pruned | -0.50 | -1.65 to +0.58 | static QDQ, calibrated (minmax) on 512 training images,",
    ):
        assert fact in text
    assert text.count("<details><summary>") == text.count("</details>") == 6
    shown = re.sub(r"<details>.*?</details>", "", text, flags=re.S)
    assert len(shown.splitlines()) < 150


def test_files_from_elsewhere_have_no_run():
    text = render_markdown(foreign_report())
    assert "Search and training" not in text
    assert "None" not in text
    assert titles(text)[-2:] == ["Data", "Machine and versions"]


def test_a_thousand_classes_are_not_all_listed():
    text = render_markdown(large())
    assert f"largest loss first, {MOST_CLASSES} of 1000" in text
    assert text.count("xxx | 50 | 40 |") == MOST_CLASSES


@pytest.mark.parametrize("document", [report(), full_report(), foreign_report(), hostile()], ids=range(4))
def test_tables_are_whole(document):
    text = render_markdown(document)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    html = MARKDOWN.render(text)
    separators = sum(set(row) <= set("|:-") for row in rows)
    assert separators > 0
    assert html.count("<tr>") == len(rows) - separators
    assert separators == html.count("<table>") == len(titles(text))


def test_names_are_text():
    html = MARKDOWN.render(render_markdown(hostile()))
    assert html.count("[/red][bold] a_very_long_name") > 10
    assert html.count("&lt;script&gt;") > 10
    assert not re.search(r"<(script|b|a|em|img|code)\b", html)
    assert html.count("<strong>") == 1  # the headline
    assert "\x1b" not in html
