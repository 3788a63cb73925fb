"""What INT8 costs and gains in finished runs that ``compress export RUN --int8`` added INT8 files to.

Example: python -m benchmarks.int8_table runs/squeezenet runs/resnet18 --out benchmarks/int8.md

Everything is read from the runs' reports: nothing is measured here.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from compress.report import figures
from compress.report.model import NetworkRow, Report, recorded_report
from compress.report.timings import headline_setting, timing_at
from compress.runs import RunFolder

ROOT: Final = Path(__file__).parent.parent
SETTINGS: Final = ("keep_macs", "epochs", "method", "seed")  # not those that are paths of a machine
COLUMNS: Final = (
    "Run", "File", "Top-1", "Change against float32, 95 %", "Size", "ms", "Against the original", "Against float32",
    "Calibration", "Layers in float32",
)  # fmt: skip


def main() -> None:
    """Read the runs, and write JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders with INT8 files")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "int8.md")
    arguments = parser.parse_args()
    runs = [facts_of(recorded_report(RunFolder.open(path)), name=path.name) for path in arguments.runs]
    arguments.out.with_suffix(".json").write_text(json.dumps(runs, indent=2, allow_nan=False) + "\n")
    arguments.out.write_text(table_of(runs))


def facts_of(report: Report, *, name: str) -> dict[str, Any]:
    """The figures of one run's report, as data."""
    data = report.data
    return {
        "name": name,
        "date": report.created,
        "config": {} if report.run is None else {name: report.run.config.get(name) for name in SETTINGS},
        "environment": report.environment,
        "data": {"name": data.name, "test": data.test, "image_size": data.image_size, "classes": len(data.classes)},
        "setting": str(headline_setting(report)),
        "files": [_file(report, row) for row in report.networks if row.precision in ("fp32", "int8")],
    }


def _file(report: Report, row: NetworkRow) -> dict[str, Any]:
    """One file: accuracy, size, and its time against the original and against its float32 source."""
    setting, made = headline_setting(report), row.quantization
    timed = {
        name: timing_at(report, row.label, against=label, setting=setting) if label else None
        for name, label in (("original", report.original.label), ("source", row.source))
    }
    known = next((one for one in timed.values() if one is not None), None)
    return {
        "label": row.label,
        "top1": row.accuracy.top1.value,
        "source_drop": None if row.source_drop is None else [
            row.source_drop.points, row.source_drop.low, row.source_drop.high,
        ],
        "size_bytes": row.size_bytes,
        "p50_ms": None if known is None else known.candidate.p50_ms,
        "ratios": {name: None if one is None else one.ratio for name, one in timed.items()},
        "noisy": any(one.noisy for one in timed.values() if one is not None),
        "calibration": made and made.calibration,
        "float_layers": made and list(made.float_layers),
        "layers": made and made.choice and len(made.choice.layers),
        "rules": made and made.choice and {rule: loss.divergence for rule, loss in made.choice.rules.items()},
    }  # fmt: skip


def table_of(runs: Sequence[Mapping[str, Any]]) -> str:
    """All runs as one Markdown table, and under it where each was measured."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for run in runs:
        lines += [f"| {' | '.join(_cells(run, file))} |" for file in run["files"]]
    where = [f"- {run['name']}: {_where(run)}" for run in runs]
    return "\n".join([*lines, "", *where]) + "\n"


def _where(run: Mapping[str, Any]) -> str:
    data, machine = run["data"], run["environment"]
    images = f"{data['name']}, {data['test']:,} test images, {data['image_size']} pixels"
    return f"{images}; {run['setting']}; {machine['cpu']['model']}, {run['date'][:10]}"


def _cells(run: Mapping[str, Any], file: Mapping[str, Any]) -> list[str]:
    drop, ratios = file["source_drop"], file["ratios"]
    change = "" if drop is None else f"{-drop[0]:+.2f} ({-drop[2]:+.2f} to {-drop[1]:+.2f})"
    ratio = {name: "" if value is None else f"{value:.2f}x" for name, value in ratios.items()}
    in_float = "" if file["float_layers"] is None else str(len(file["float_layers"]))
    in_float += f" of {file['layers']}" if file["layers"] else ""  # not known where nothing was chosen
    return [
        run["name"], file["label"], figures.percent(file["top1"]), change, figures.file_size(file["size_bytes"]),
        "" if file["p50_ms"] is None else figures.milliseconds(file["p50_ms"]) + (" (noisy)" if file["noisy"] else ""),
        ratio["original"], ratio["source"], file["calibration"] or "", in_float,
    ]  # fmt: skip


if __name__ == "__main__":
    main()
