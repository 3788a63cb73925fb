"""Which networks can be pruned? All of torchvision's classifiers, the CIFAR networks, the ChannelNets, some of timm's.

Each network is examined (``benchmarks.support_case``) in its own process with limits on memory and time, the smallest
first. Known results are kept: the same command continues where it was stopped.

Example: OMP_NUM_THREADS=1 python -m benchmarks.support_matrix --stop-at 15:40
"""

import argparse
import json
import resource
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.apart import CrashedError, Limits, OverLimitError, call_apart
from benchmarks.prunable_share import read
from benchmarks.support_case import examine
from benchmarks.support_row import Trial
from benchmarks.support_table import table
from compress.environment import GIB, describe_environment, source_commit
from models_zoo.zoo import ARCHITECTURES, find_architecture

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "support_matrix.json"
PAGE = ROOT / "docs" / "support.md"
TIMM = (
    "resnet10t", "mobilenetv4_conv_small", "efficientvit_b0", "repvgg_a0", "ghostnetv2_100", "edgenext_xx_small",
    "convnextv2_atto", "deit_tiny_patch16_224", "levit_128s", "mixer_s32_224", "hrnet_w18_small", "dla34", "skresnet18",
    "dm_nfnet_f0",
)  # fmt: skip


def main() -> None:
    """Examine networks without a result, and write results and page after every network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="only these, even if they have a result")
    parser.add_argument("--without-files", action="store_true", help="skip export and latency")
    parser.add_argument("--seconds", type=int, default=1800, help="limit for one network")
    parser.add_argument("--memory-gib", type=float, default=14, help="limit for one network's address space")
    parser.add_argument("--stop-at", default="24:00", help="UTC time such as 15:40; no network is begun after it")
    parser.add_argument("--table-only", action="store_true", help="only write the page of earlier results")
    arguments = parser.parse_args()
    results = _read()
    trial = Trial(files=not arguments.without_files)
    limits = Limits(arguments.seconds, arguments.memory_gib)
    commit = source_commit()  # before the results change the tree
    for name in [] if arguments.table_only else arguments.networks or _unknown(results, trial):
        if f"{datetime.now(UTC):%H:%M}" >= arguments.stop_at:
            break
        row = examine_apart(name, trial, limits)
        sys.stderr.write(f"{datetime.now(UTC):%H:%M} {name}: {row['outcome']} {row['reason']}\n")
        environment = describe_environment(threads=1, seed=0)
        row |= {"date": f"{datetime.now(UTC):%Y-%m-%d}", "commit": commit, "cpu": environment["cpu"]["model"]}
        results = _read()  # another process may have added results
        results["networks"][name] = row
        results["environment"] = environment
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        PAGE.write_text(table(results, read()))
    PAGE.write_text(table(results, read()))


def _unknown(results: dict[str, Any], trial: Trial) -> list[str]:
    """Networks without a result, or without one of their files."""
    known = results["networks"]
    return [
        name
        for name in every_network()
        if name not in known or (trial.files and known[name]["outcome"] == "right so far")
    ]


def every_network() -> list[str]:
    """The zoo's, the smallest first; timm's before the largest."""
    zoo = sorted(ARCHITECTURES, key=lambda name: ARCHITECTURES[name].parameters or 0)
    large = [name for name in zoo if (ARCHITECTURES[name].parameters or 0) > 150e6]
    return [name for name in zoo if name not in large] + [f"timm/{name}" for name in TIMM] + large


def examine_apart(name: str, trial: Trial, limits: Limits) -> dict[str, Any]:
    """Examine a network in its own process, within the limits."""
    try:
        return call_apart(_examine_here, (name, trial), limits)
    except OverLimitError as error:
        return _failed(name, "refused", str(error))
    except CrashedError as error:
        return _failed(name, "wrong", f"crashed: {error}")


def _examine_here(name: str, trial: Trial) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        row = asdict(examine(name, trial, Path(folder)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB  # kilobytes on Linux
    return row | {"family": find_architecture(name).family, "peak_gib": round(peak, 1)}


def _failed(name: str, outcome: str, reason: str) -> dict[str, Any]:
    architecture = find_architecture(name)
    return {
        "name": name,
        "family": architecture.family,
        "image_size": architecture.small_size,
        "outcome": outcome,
        "reason": reason,
    }


def _read() -> dict[str, Any]:
    if RESULTS.exists():
        return json.loads(RESULTS.read_text())
    return {"environment": {}, "networks": {}}


if __name__ == "__main__":
    main()
