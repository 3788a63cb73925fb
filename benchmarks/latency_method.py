"""Check the latency comparison against known ratios, with and without other processes running.

Example: python -m benchmarks.latency_method --repeats 20 --out benchmarks/latency_method.md

``exporters.measure.calls.compare_latency`` compares three pairs: a file with itself (its 95 % interval has to
contain 1), 20 equal layers with 22 (about 10 % slower), and 20 layers with 7, which fit the processor's cache. The
true ratio is measured separately: each file alone in its own process, in long runs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.latency_method_table import CHANNELS, PAIRS, table
from compress.environment import describe_environment, usable_cores
from exporters.measure.calls import RunnableFile, calls_of, compare_latency
from exporters.measure.latency import LatencySettings
from exporters.measure.latency_results import LatencyComparison
from exporters.read.cost import count_cost
from exporters.write.onnx_export import export_onnx
from models_zoo.zoo import build_network

ROOT = Path(__file__).parent.parent
PIXELS = {"squeezenet": 48, "20 layers": 12, "22 layers": 12, "7 layers": 12}
_ALONE_RUNS = 6
_ALONE = (
    "import sys; from pathlib import Path; from benchmarks.latency_method import alone; "
    "sys.stdout.write(str(alone(Path(sys.argv[1]), threads=int(sys.argv[2]), seconds=float(sys.argv[3]))))"
)
_NEIGHBOUR = "import numpy\na = numpy.random.rand(300, 300)\nwhile True:\n    a = a @ a\n    a /= a.max()\n"


@dataclass(frozen=True)
class Outcome:
    """Comparisons of one pair of files under one load.

    Attributes:
        pair: a name of ``PAIRS``.
        neighbours: number of processes that kept a core busy.
        threads: of onnxruntime.
        intervals: low, ratio, high of every comparison.
        verdicts: of every comparison.
        variation: coefficients of variation, each of the noisier file.
    """

    pair: str
    neighbours: int
    threads: int
    intervals: tuple[tuple[float, float, float], ...]
    verdicts: tuple[str, ...]
    variation: tuple[float, ...]


def main() -> None:
    """Measure, and write the results after every load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="comparisons of each kind")
    parser.add_argument("--seconds", type=float, default=LatencySettings.min_seconds, help="of each comparison")
    parser.add_argument("--alone-seconds", type=float, default=5.0, help="of each run of a file alone")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "latency_method.md")
    parser.add_argument("--table-only", action="store_true", help="only write the table of earlier results")
    arguments = parser.parse_args()
    if arguments.table_only:
        arguments.out.write_text(table(json.loads(arguments.out.with_suffix(".json").read_text())))
        return
    settings = LatencySettings(min_seconds=arguments.seconds)
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder))
        results: dict[str, Any] = {
            "date": datetime.now(UTC).date().isoformat(),
            "environment": describe_environment(threads=1, seed=0),
            "settings": asdict(settings),
            "macs_ratio": macs_ratio(files),
            "alone": {},
            "outcomes": [],
        }
        for threads in sorted({1, usable_cores()}):
            results["alone"][str(threads)] = alone_milliseconds(files, threads=threads, seconds=arguments.alone_seconds)
            for neighbours in (0, 1, usable_cores()):
                with busy_neighbours(neighbours):
                    for pair, names in PAIRS.items():
                        compared = compare(files, names, threads=threads, repeats=arguments.repeats, settings=settings)
                        outcome = summarise(pair, compared, neighbours=neighbours)
                        results["outcomes"].append(asdict(outcome))
                arguments.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
                arguments.out.write_text(table(results))
    sys.stdout.write(table(results))


def write_files(folder: Path, names: Collection[str] = PIXELS.keys()) -> dict[str, Path]:
    """Those of SqueezeNet as in the default run, and of three stacks of equal convolutions, that ``names`` names."""
    torch.manual_seed(0)
    networks = {f"{count} layers": equal_layers(count) for count in (20, 22, 7)}
    networks["squeezenet"] = build_network("squeezenet", classes=10, channels=1, image_size=PIXELS["squeezenet"])
    return {
        name: export_onnx(
            network,
            folder / f"{name.replace(' ', '-')}.onnx",
            input_shape=(1 if name == "squeezenet" else 3, PIXELS[name], PIXELS[name]),
            opset=18,
            metadata={},
        ).path
        for name, network in networks.items()
        if name in names
    }


def equal_layers(count: int) -> nn.Module:
    """``count`` equal 3x3 convolutions between a narrow stem and a head, initialised to keep the scale of values."""
    layers: list[nn.Module] = [nn.Conv2d(3, CHANNELS, 1), nn.ReLU()]
    for _ in range(count):
        layers += [nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 5))
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network


def macs_ratio(files: dict[str, Path]) -> float:
    """Multiply-accumulates of 20 layers over those of 22: the ratio if nothing else took time."""
    twenty, more = (count_cost(files[name], image_size=PIXELS[name]).macs for name in ("20 layers", "22 layers"))
    return twenty / more


def compare(
    files: dict[str, Path], names: tuple[str, str], *, threads: int, repeats: int, settings: LatencySettings
) -> list[LatencyComparison]:
    """Comparisons of one pair at batch 1, each with another seed."""
    return [
        compare_latency(
            RunnableFile(files[names[0]], PIXELS[names[0]]),
            RunnableFile(files[names[1]], PIXELS[names[1]]),
            batch_size=1,
            threads=threads,
            settings=LatencySettings(**asdict(settings) | {"seed": seed}),
        )
        for seed in range(repeats)
    ]


def summarise(pair: str, compared: Sequence[LatencyComparison], *, neighbours: int) -> Outcome:
    """The numbers of all comparisons of a pair."""
    return Outcome(
        pair=pair,
        neighbours=neighbours,
        threads=compared[0].threads,
        intervals=tuple((one.ratio_low, one.ratio, one.ratio_high) for one in compared),
        verdicts=tuple(one.speed_change for one in compared),
        variation=tuple(one.coefficient_of_variation for one in compared),
    )


def alone_milliseconds(files: dict[str, Path], *, threads: int, seconds: float) -> dict[str, list[float]]:
    """Medians of long runs of each file alone; the files take turns."""
    runs: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(_ALONE_RUNS):
        for name, milliseconds in runs.items():
            command = [sys.executable, "-c", _ALONE, str(files[name]), str(threads), str(seconds)]
            done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            milliseconds.append(float(done.stdout))
    return runs


def alone(path: Path, *, threads: int, seconds: float) -> float:
    """Median milliseconds per call of one file, with nothing else in this process."""
    call = calls_of(RunnableFile(path), batch_size=1, seed=0).open(threads=threads)
    calls: list[float] = []
    while sum(calls) < seconds * 1e3:
        calls.append(call.milliseconds())
    return statistics.median(calls[len(calls) // 10 :])  # without warm-up


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """Run processes that multiply matrices, each on one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    neighbours = [subprocess.Popen([sys.executable, "-c", _NEIGHBOUR], env=environment) for _ in range(count)]
    try:
        yield
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


if __name__ == "__main__":
    main()
