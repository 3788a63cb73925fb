"""How well the latency model predicts whole networks, and what it takes to make one.

Example: python -m benchmarks.latency_model --out benchmarks/latency_model.md

For each network: samples are made and timed as ``compress run --target-speedup`` does, without the cache; the error is
on samples left out of the fit. Then random states with half the predicted time are really cut, exported and timed
against the whole network by ``compare_latency``: that is independent of the samples.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from compress.channels.budget import Budget, Prunable
from compress.environment import describe_environment, isa
from compress.report.figures import milliseconds, percent
from compress.runs.int8_files import int8_types
from compress.structure.remove import remove_units
from compress.structure.trial_cuts import find_checked_units
from compress.target.samples import SAMPLES, make_samples
from compress.target.table import time_here
from compress.target.target import Target, fit_target
from exporters.int8.quantize import quantize_alike
from exporters.int8.source import Int8Types
from exporters.measure.calls import RunnableFile, compare_latency
from exporters.measure.latency import LatencySettings
from exporters.measure.layer_times import TimingLimits
from exporters.write.onnx_export import OPSETS, export_onnx
from exporters.write.scratch import scratch_folder
from models_zoo.zoo import build_network

ROOT: Final = Path(__file__).parent.parent
ARCHS: Final = ("squeezenet", "resnet18", "mobilenet_v2")
CLASSES: Final = 10
COLUMNS: Final = (
    "Network", "Whole, ms", "Samples", "Error, median", "Error, largest", "Made in, s", "Timed in, s",
    "Cuts: predicted", "Cuts: measured", "Steps of channels",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Pixels, samples, seconds for each, and how many cuts are timed, for how many seconds each."""

    size: int = 224
    samples: int = SAMPLES
    seconds: float = 0.8
    cuts: int = 4
    cut_seconds: float = 5.0
    threads: int = 1
    speedup: float = 2.0
    precision: str = "float32"

    @property
    def int8(self) -> Int8Types | None:
        """Types of INT8 files that suit this processor; ``None`` for float32."""
        return int8_types("here", isa()) if self.precision == "int8" else None


def main() -> None:
    """Measure every network, and write the results after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archs", default=",".join(ARCHS), help="networks, comma-separated")
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "latency_model.md")
    arguments = vars(parser.parse_args())
    archs, out = arguments.pop("archs").split(","), arguments.pop("out")
    settings = Settings(**arguments)
    torch.set_num_threads(settings.threads)
    rows: list[dict[str, Any]] = []
    for arch in archs:
        rows.append(measure(arch, settings))
        write_results(rows, settings, out)


def measure(arch: str, settings: Settings) -> dict[str, Any]:
    """The latency model of one network: its error, the seconds it took, and the cuts that check it."""
    torch.manual_seed(0)
    network = build_network(arch, classes=CLASSES, channels=3, image_size=settings.size).eval()
    images = torch.randn(2, 3, settings.size, settings.size)
    units = find_checked_units(network, images, seed=0)
    prunable = Prunable.measure(network, units, images[:1], align=1, budget=Budget())
    began = time.monotonic()
    samples = make_samples(network, prunable, images, opset=OPSETS[0], count=settings.samples, int8=settings.int8)
    made = time.monotonic()
    limits = TimingLimits(threads=settings.threads, seconds=settings.seconds)
    table = time_here(samples, limits, progress=lambda _done: None)
    timed = time.monotonic()
    target = fit_target(samples, table, prunable.model, device=False)
    limited = limit(prunable, target, settings)
    cuts = [time_cut(network, images, limited, state, settings) for state in random_states(limited, settings.cuts)]
    return {
        "arch": arch,
        "facts": asdict(target.facts),
        "seconds": {"made": made - began, "timed": timed - made},
        "cuts": cuts,
        "steps": {group.root: step for group, step in zip(units.groups, limited.counts.step.tolist(), strict=True)},
    }


def limit(prunable: Prunable, target: Target, settings: Settings) -> Prunable:
    """The network with the latency budget that the cuts have."""
    modelled = replace(prunable, model=replace(prunable.model, latency=target.latency))
    share = modelled.original_ms / float(modelled.model.full_M[2]) / settings.speedup
    return replace(modelled, budget=Budget(latency=share)).with_fast_counts()


def random_states(prunable: Prunable, count: int) -> Tensor:
    """Random states within the budget, bool (P, U)."""
    keys = torch.rand(count, prunable.units.total, generator=torch.Generator().manual_seed(0))
    return prunable.repair(keys)


def time_cut(
    network: nn.Module, images: Tensor, prunable: Prunable, keep_U: Tensor, settings: Settings
) -> dict[str, float]:
    """One state's predicted speed-up against the float32 file, and its file's measured one with its 95 % interval."""
    smaller = remove_units(network, prunable.units, keep_U, images).network
    with scratch_folder() as folder:
        files = [folder / "whole.onnx", folder / "smaller.onnx"]
        for one, file in zip((network, smaller), files, strict=True):
            export_onnx(one, file, input_shape=(3, settings.size, settings.size), opset=OPSETS[0], metadata={})
        if settings.int8 is not None:
            quantize_alike(files[1], folder / "smaller.int8.onnx", images.numpy(), types=settings.int8, whole=files[0])
            files[1] = folder / "smaller.int8.onnx"
        timing = LatencySettings(min_seconds=settings.cut_seconds)
        original, candidate = map(RunnableFile, files)
        found = compare_latency(original, candidate, batch_size=1, threads=settings.threads, settings=timing)
    cut_ms = prunable.cost(keep_U).milliseconds
    assert cut_ms is not None
    predicted = prunable.original_ms / cut_ms
    return {"predicted": predicted, "measured": found.ratio, "low": found.ratio_low, "high": found.ratio_high}


def write_results(rows: Sequence[Mapping[str, Any]], settings: Settings, out: Path) -> None:
    """The results as JSON, and beside it as a table in Markdown."""
    results = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "settings": asdict(settings),
        "environment": describe_environment(threads=settings.threads, seed=0),
        "rows": list(rows),
    }
    out.with_suffix(".json").write_text(json.dumps(results, indent=2, allow_nan=False) + "\n")
    out.write_text(table_of(results))


def table_of(results: Mapping[str, Any]) -> str:
    """The results in Markdown."""
    settings, cpu = results["settings"], results["environment"]["cpu"]
    lines = [
        f"{cpu['model']}, onnxruntime {results['environment']['packages']['onnxruntime']}, {settings['size']} pixels, "
        f"{settings['precision']}, batch 1, {settings['threads']} thread(s), {results['date']}. Errors are of samples "
        f"left out of the fit; cuts are random states with {settings['speedup']:g}x the predicted speed of the float32 "
        "file, exported and timed.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *(f"| {' | '.join(_cells(row))} |" for row in results["rows"]),
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Mapping[str, Any]) -> list[str]:
    facts, cuts = row["facts"], row["cuts"]
    steps = sorted({*row["steps"].values()})
    counted = ", ".join(f"{step}: {list(row['steps'].values()).count(step)}" for step in steps)
    return [
        row["arch"],
        milliseconds(facts["whole_ms"]),
        str(facts["samples"]),
        percent(facts["error_median"]),
        percent(facts["error_largest"]),
        f"{row['seconds']['made']:.0f}",
        f"{row['seconds']['timed']:.0f}",
        ", ".join(f"{cut['predicted']:.2f}x" for cut in cuts) or "-",
        ", ".join(f"{cut['measured']:.2f}x" for cut in cuts) or "-",
        counted,
    ]


if __name__ == "__main__":
    main()
