"""The table of the latency model's benchmark, worked by hand."""

from benchmarks.latency_model import COLUMNS, Settings, table_of, write_results

ROW = {
    "arch": "squeezenet",
    "facts": {"whole_ms": 12.34, "samples": 56, "error_median": 0.021, "error_largest": 0.0649},
    "seconds": {"made": 9.6, "timed": 61.2},
    "cuts": [{"predicted": 2.0, "measured": 1.957, "low": 1.9, "high": 2.0}],
    "steps": {"a": 4, "b": 16, "c": 16},
}


def test_a_row_shows_errors_seconds_and_cuts(tmp_path):
    write_results([ROW], Settings(), tmp_path / "model.md")
    text = (tmp_path / "model.md").read_text()
    assert "| squeezenet | 12.3 | 56 | 2.1 % | 6.5 % | 10 | 61 | 2.00x | 1.96x | 4: 1, 16: 2 |" in text
    assert f"| {' | '.join(COLUMNS)} |" in text
    assert "224 pixels, float32, batch 1, 1 thread(s)" in text


def test_without_cuts_there_is_a_dash():
    results = {
        "settings": {"size": 64, "precision": "int8", "threads": 2, "speedup": 2.0},
        "date": "2026-01-01", "rows": [{**ROW, "cuts": []}],
        "environment": {"cpu": {"model": "A"}, "packages": {"onnxruntime": "1.0"}},
    }  # fmt: skip
    assert "| 61 | - | - |" in table_of(results)
