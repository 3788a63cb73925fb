"""The race's table, from a report written by hand."""

from benchmarks.race import summary, table

REPORT = {
    "networks": [
        {"role": "original", "accuracy": {"top1": {"value": 0.87}}},
        {"role": "extra", "accuracy": {"top1": {"value": 0.5}}},
        {
            "role": "candidate",
            "label": "pruned",
            "kept_macs": 0.4987,
            "kept_parameters": 0.4,
            "accuracy": {"top1": {"value": 0.8655}},
            "drop": {"points": 0.45, "low": -0.2, "high": 1.1},
        },
    ],
    "latency": [
        {
            "candidate": "pruned",
            "comparison": {"batch_size": 8, "threads": 1, "ratio": 3, "ratio_low": 3, "ratio_high": 3},
        },
        {
            "candidate": "pruned",
            "comparison": {"batch_size": 1, "threads": 1, "ratio": 2.13, "ratio_low": 2.1, "ratio_high": 2.16},
        },
    ],
    "run": {"seconds": {"01_baseline": 90.0, "03_search": 60.0}},
}
ENVIRONMENT = {
    "packages": {"torch": "2.13.0"},
    "cpu": {"model": "Some CPU", "cores": 2, "isa": ["avx2"]},
    "git": "abc",
    "python": "3.12.1",
    "date": "2026-11-22",
}


def test_summary():
    assert summary(REPORT) == (
        "49.9%",
        "40.0%",
        "87.00%",
        "86.55%",
        "+0.45 [-0.20, +1.10]",
        "2.13x [2.10, 2.16]",
        "2.5",
    )


def test_table_says_where_it_was_measured():
    lines = table([("default", "0", *summary(REPORT))], ENVIRONMENT).splitlines()
    assert lines[2].startswith("| default | 0 | 49.9% | 40.0% |")
    assert len({line.count("|") for line in lines[:3]}) == 1
    assert lines[-1] == "Measured on 2026-11-22 on Some CPU, 2 cores (avx2), commit abc, Python 3.12.1, torch 2.13.0."
