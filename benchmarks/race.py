"""Run some configurations with some seeds, one after the other, and tabulate their reports.

Example: python -m benchmarks.race --configs ablation quarter --seeds 0 1 2 --out benchmarks/ablation.md
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
COLUMNS = (
    "Config",
    "Seed",
    "MACs",
    "Parameters",
    "Top-1 original",
    "Top-1 pruned",
    "Drop, points",
    "Faster",
    "Minutes",
)


def main() -> None:
    """Race, and write the table after every run, so that nothing is lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", nargs="+", default=["default", "ablation"], help="names in configs/")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "race", help="where the run folders go")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "race.md")
    arguments = parser.parse_args()
    rows: list[Sequence[str]] = []
    environment: dict[str, Any] = {}
    for seed in arguments.seeds:
        for name in arguments.configs:
            report = race(name, seed, arguments.runs / f"{name}-{seed}")
            environment = report["environment"] | {"date": report["created"][:10]}
            rows.append((name, str(seed), *summary(report)))
            arguments.out.write_text(table(rows, environment))
    sys.stdout.write(table(rows, environment))


def race(name: str, seed: int, folder: Path) -> dict[str, Any]:
    """One run; a finished one is read again, a cut-short one goes on.

    Raises:
        CalledProcessError: the run failed; its message is on stderr.
    """
    finished = folder / "report.json"
    if not finished.exists():
        command = [sys.executable, "-m", "compress", "run", "--json"]
        if (folder / "MANIFEST.sha256").exists():
            command += ["--resume", str(folder)]
        else:
            command += ["--config", str(ROOT / "configs" / f"{name}.toml"), "--seed", str(seed), "--out", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(finished.read_text())


def summary(report: dict[str, Any]) -> tuple[str, ...]:
    """The columns after the seed: what was gained and lost, with intervals; latency at batch 1, 1 thread."""
    original = next(row for row in report["networks"] if row["role"] == "original")
    pruned = next(row for row in report["networks"] if row["role"] == "candidate")
    drop = pruned["drop"]
    pairs = [row["comparison"] for row in report["latency"] if row["candidate"] == pruned["label"]]
    faster = next((pair for pair in pairs if (pair["batch_size"], pair["threads"]) == (1, 1)), None)
    return (
        f"{pruned['kept_macs']:.1%}",
        f"{pruned['kept_parameters']:.1%}",
        f"{original['accuracy']['top1']['value']:.2%}",
        f"{pruned['accuracy']['top1']['value']:.2%}",
        f"{drop['points']:+.2f} [{drop['low']:+.2f}, {drop['high']:+.2f}]",
        f"{faster['ratio']:.2f}x [{faster['ratio_low']:.2f}, {faster['ratio_high']:.2f}]" if faster else "-",
        f"{sum(report['run']['seconds'].values()) / 60:.1f}",
    )


def table(rows: Sequence[Sequence[str]], environment: dict[str, Any]) -> str:
    """A Markdown table and what it was measured on."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
    cpu = environment["cpu"]
    machine = f"{cpu['model']}, {cpu['cores']} cores ({' '.join(cpu['isa'])})"
    versions = f"commit {environment['git']}, Python {environment['python']}, {packages}"
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{body}\n\nMeasured on {environment['date']} on {machine}, {versions}.\n"


if __name__ == "__main__":
    main()
