"""What each part of the search is worth: one thing changed at a time, with the same seeds; every row is a run folder.

The original of a seed is trained once. The same command goes on where it was stopped: finished runs are read,
interrupted ones are resumed. Results and page are written after every run.

Example: python -m benchmarks.ablation --arch squeezenet --keep-macs 0.25 --set threads=1 --only default "population 4"
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.ablation_table import page
from benchmarks.ablation_variants import VARIANTS, applicable, changes_of, config_of, shared_settings
from compress.atomic import write_atomically
from compress.environment import source_commit
from compress.errors import DivergedError, UsageError
from compress.race.folders import has_stages, state_of
from compress.report.model import recorded_report
from compress.run.pipeline import Shared, prepare, run_pipeline
from compress.run.rehearsal import rehearse
from compress.runs import RunFolder
from compress.runs.recorded_inputs import ORIGINAL
from compress.settings.config import DecidedConfig, RunConfig, build_config
from compress.settings.fields import parse_seeds
from compress.settings.verify import VerifySettings
from compress.training.recipe import batchnorms

RESULTS = Path(__file__).parent / "ablation.json"

Row = dict[str, Any]


def main() -> None:
    """Make the runs that are not finished, and write the results after each."""
    arguments = _arguments()
    results = arguments.results
    if not arguments.table_only:
        commit = source_commit()  # before the results change the tree
        base, names = _default(arguments)
        seeds, only = parse_seeds(arguments.seeds), arguments.only or names
        names = [name for name in names if name in only]
        folder = arguments.out / f"{base.arch}-{100 * arguments.keep_macs:.6g}"
        for seed in seeds:
            for name in names:
                _tell(f"{name}, seed {seed}")
                row = measure(base, name, seed=seed, folder=folder, commit=commit)
                _tell(f"{name}, seed {seed}: {row['top1'] or row['reason']}")
                tables = merge(_read(results), shared_settings(base), row)
                write_atomically(results, f"{json.dumps(tables, indent=1)}\n".encode())
                results.with_suffix(".md").write_text(page(tables))
    results.with_suffix(".md").write_text(page(_read(results)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="squeezenet")
    parser.add_argument("--keep-macs", type=float, default=0.25)
    parser.add_argument("--seeds", default="3", help="number of seeds, from 0; or the seeds themselves: 3,7")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="folder of the run folders")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, metavar="NAME", help="of " + ", ".join(VARIANTS))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of all runs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table-only", action="store_true", help="only write the page of earlier results")
    return parser.parse_args()


def _default(arguments: argparse.Namespace) -> tuple[DecidedConfig, list[str]]:
    """The settings of the default; the variants that apply to its network."""
    own = {"arch": arguments.arch, "keep_macs": arguments.keep_macs}
    given = dict(one.split("=", 1) for one in arguments.set)
    rehearsed = rehearse(*prepare(build_config(given | own)))
    return rehearsed.config, applicable(rehearsed.config, has_batchnorm=bool(batchnorms(rehearsed.network)))


def measure(base: DecidedConfig, name: str, *, seed: int, folder: Path, commit: str | None) -> Row:
    """Make a variant's run, resume it or read it; its row. UsageError if it was made with other settings."""
    path, config = run_path(folder, name, seed), config_of(base, name, seed=seed)
    state = state_of(path)
    if state != "new":
        check_settings(path, config)
    changes = changes_of(name, epochs=base.epochs)
    row: Row = {"variant": name, "seed": seed, "changes": changes, "top1": None, "reason": ""}
    if state == "finished":
        return row | read_run(path)
    try:
        if state == "resume" and (reason := RunFolder.open(path).failure()):
            raise DivergedError(reason)
        run_pipeline(
            config,
            out=path,
            mode="resume" if state == "resume" else "overwrite",  # an interrupted creation may have left files
            verify=VerifySettings(batch_sizes=(1,), threads=(1,), seconds=0.1, seed=seed),
            shared=Shared(original_of=original_of(config, path)),
        )
    except DivergedError as error:
        return row | {"reason": str(error), "date": f"{datetime.now(UTC):%Y-%m-%d}"} | _machine(path)
    return row | read_run(path) | {"commit": commit}


def run_path(folder: Path, name: str, seed: int) -> Path:
    """The run folder of a variant and a seed: ``population-4-seed0``."""
    return folder / f"{re.sub('[^A-Za-z0-9.]+', '-', name)}-seed{seed}"


def check_settings(path: Path, config: RunConfig) -> None:
    """UsageError unless a run was made with these settings."""
    wanted, found = shared_settings(config), shared_settings(RunFolder.open(path).read_config())
    names = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if names:
        different = "; ".join(f"{name}: {found.get(name)} there, {wanted.get(name)} here" for name in names)
        raise UsageError(f"{path} was made with other settings ({different}): choose another folder for --out")


def original_of(config: RunConfig, path: Path) -> Path | None:
    """An intact run of the same original beside ``path``; ``None`` if there is none, or ``path`` has its own."""
    for stages in (ORIGINAL, ORIGINAL[:1]):
        if has_stages(path, stages):
            return None
        for other in sorted(path.parent.glob(f"*-seed{config.seed}")):
            if has_stages(other, stages, intact=True):
                theirs = RunFolder.open(other).read_config()
                if theirs.search_start == config.search_start:
                    return other
    return None


def read_run(path: Path) -> Row:
    """What a finished run has found."""
    report = recorded_report(RunFolder.open(path))
    return {
        "date": report.created[:10],
        "top1": round(100 * report.candidate.accuracy.top1.value, 4),
        "original_top1": round(100 * report.original.accuracy.top1.value, 4),
        "kept_macs": report.candidate.kept_macs,
    } | _machine(path)


def _machine(path: Path) -> Row:
    found = RunFolder.open(path).read_json("env.json")
    return {
        "commit": found["git"],
        "cpu": found["cpu"]["model"],
        "cores": found["cpu"]["cores"],
        "python": found["python"],
        **{name: found["packages"][name] for name in ("torch", "torchvision", "onnxruntime", "numpy")},
    }


def merge(results: dict[str, Any], settings: dict[str, Any], row: Row) -> dict[str, Any]:
    """The results with a row in the table of its settings, in place of an earlier one of its variant and seed.

    A row that measures what is known already, read from its run folder again, changes nothing.
    """
    table = next((table for table in results["tables"] if table["settings"] == settings), None)
    if table is None:
        table = {"settings": settings, "rows": []}
        results["tables"].append(table)
    table["rows"] = _replaced(table["rows"], row)
    return results


def _replaced(rows: Sequence[Row], row: Row) -> list[Row]:
    order = {name: place for place, name in enumerate(VARIANTS)}
    others = [one for one in rows if (one["variant"], one["seed"]) != (row["variant"], row["seed"])]
    known = next((one for one in rows if one | {"commit": ""} == row | {"commit": ""}), row)
    return sorted([*others, known], key=lambda one: (order.get(one["variant"], len(order)), one["seed"]))


def _read(file: Path) -> dict[str, Any]:
    """Earlier results, read anew each time: another process may have added some."""
    return json.loads(file.read_text()) if file.exists() else {"tables": []}


def _tell(text: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")


if __name__ == "__main__":
    main()
