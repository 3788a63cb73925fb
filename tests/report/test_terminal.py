import io

import pytest
from rich.console import Console

from compress.report.run_sections import report_document
from compress.report.terminal import render_terminal
from tests.report.html.documents import HOSTILE, hostile
from tests.report.sample import foreign_report, full_report, network, report


def rendered(document, *, width: int | None = 80, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    render_terminal(report_document(document), console)
    return console.file.getvalue()


def lines_with(text: str, word: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if word in line]


def test_the_verdict_comes_first_and_the_tables_follow():
    text = rendered(report())
    order = ["pruned against original", "gained", "no difference", "How it was timed", "Accuracy", "Size",
             "Latency", "Answers", "Classes", "Checks", "Files", "Time"]  # fmt: skip
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    for fact in ("1.48 to 1.55", "90.00 %", "aaaaaaaaaaaa", "400 / 400", "2 min 41 s", "14.0 MB",
                 "memory: peak of opening the file and one call, batch 1, 1 thread"):  # fmt: skip
        assert fact in text


def test_int8_rows_gates_and_layers_of_a_full_report():
    text = rendered(full_report())
    order = ["against original", "FAILED", "passed", "gained", "no difference", "also", "note"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert "pruned int8 88.25 % 84.72 to 91.05 -1.75 -5.85 to +2.33 0.46" in lines_with(text, "pruned int8")
    assert "pruned int8 pruned 1.00 0.430 2.30x 2.20 to 2.50 faster" in lines_with(text, "2.30x")
    assert "pruned int8 pruned -0.50 -1.65 to +0.58 static QDQ, calibrated" in lines_with(text, "-0.50")
    cell = " ".join(line for line in text.splitlines() if line.startswith(" " * 40))
    assert "(minmax) on 512 training images, weights int8 per channel, activations uint8" in " ".join(cell.split())
    words = " ".join(text.split())
    assert "mean of the middle half of 60 calls, batch 1, 1 thread; profiling slows every node" in words
    assert lines_with(text, "FAILED") == ["FAILED max-drop: 1.25 points (at most 5.26), limit 1.00: missed by 4.26"]
    assert lines_with(text, "passed")[0].startswith("passed min-speedup: 1.50x (at least 1.48), limit 1.20")
    assert "features.0 420 220 44.9 % 50.0 %" in lines_with(text, "features.0")
    assert "all layers" not in text
    assert text.index("features.0") < text.index("memory-bound") < text.index("layout")


def test_parts_without_data_are_left_out():
    text = rendered(foreign_report())
    for word in ("epochs", "Checks", "Time", "None"):
        assert word not in text
    assert "uint8 Nx48x48x1" in text
    assert "Latency" not in rendered(report(latency=()))


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
    assert "reversed\ufffd[31m" in whole
