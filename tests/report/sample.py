"""A small report with known numbers, and ways to change it."""

import numpy as np

from compress.report.model import (
    BudgetFacts,
    DataFacts,
    LayerRow,
    NetworkRow,
    RemovalFacts,
    RunReport,
    SearchFacts,
)
from compress.verify.accuracy import measure_accuracy, measure_drop
from exporters.latency import LatencyComparison, Timing
from exporters.parity import ParityReport

CLASSES = ("T-shirt", "trousers", "coat", "bag", "boot", "shirt")


def logits(wrong: range) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of 400 images, of which those in ``wrong`` are taken for the next class."""
    labels = np.arange(400) % len(CLASSES)
    answers = labels.copy()
    answers[list(wrong)] = (answers[list(wrong)] + 1) % len(CLASSES)
    return np.eye(len(CLASSES))[answers] * 4, labels


def network(label: str, role: str, *, wrong: range, file: str, **changes) -> NetworkRow:
    values, labels = logits(wrong)
    pruned = role != "original"
    fields = {
        "label": label,
        "role": role,
        "file": file,
        "sha256": ("b" if pruned else "a") * 64,
        "size_bytes": 1_200_000 if pruned else 3_000_000,
        "parameters": 290_000 if pruned else 727_626,
        "macs": 12_500_000 if pruned else 25_000_000,
        "kept_macs": 0.5 if pruned else 1.0,
        "kept_parameters": 0.4 if pruned else 1.0,
        "epochs": 14,
        "accuracy": measure_accuracy(values, labels),
        "drop": measure_drop(logits(range(40))[0], values, labels) if pruned else None,
        "parity": ParityReport(images=400, max_abs_difference=1.2e-6, argmax_agreeing=400, tolerance=1e-4),
    }
    return NetworkRow(**fields | changes)


def latency(batch_size: int, threads: int, low: float, ratio: float, high: float, **changes) -> LatencyComparison:
    fields = {
        "batch_size": batch_size,
        "threads": threads,
        "rounds": 10,
        "original": Timing(samples=700, p50_ms=1.5, p90_ms=1.6, p99_ms=1.9),
        "candidate": Timing(samples=700, p50_ms=1.0, p90_ms=1.1, p99_ms=None),
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "coefficient_of_variation": 0.02,
        "noisy": False,
    }
    return LatencyComparison(**fields | changes)


def report(**changes) -> RunReport:
    fields = {
        "created": "2026-11-22T08:00:00+00:00",
        "compress_version": "0.1.0",
        "run_name": "20261122-080000-squeezenet-fashion-sample-abcd",
        "config": {"arch": "squeezenet", "keep_macs": 0.5, "weights": None, "seed": 0},
        "environment": {"cpu": {"model": "Some CPU", "isa": ["avx2", "fma"]}, "threads": 2, "git": None},
        "data": DataFacts(
            name="fashion-sample", classes=CLASSES, train=10_800, val=1_200, test=400,
            fingerprint="f" * 64, image_size=48, channels=1,
        ),
        "networks": (
            network("original", "original", wrong=range(40), file="artifacts/original.onnx"),
            network("pruned", "candidate", wrong=range(30, 75), file="artifacts/pruned.onnx"),
        ),
        "budget": BudgetFacts(
            asked_macs=0.5, asked_parameters=None, achieved_macs=0.498, achieved_parameters=0.4, align=16
        ),
        "layers": (
            LayerRow(name="features.0", kind="Conv2d", in_before=1, in_after=1, out_before=64, out_after=32),
            LayerRow(name="features.3.squeeze", kind="Conv2d", in_before=64, in_after=32, out_before=16, out_after=16),
        ),
        "search": SearchFacts(
            preset="default", population=8, iterations=255, converged_at=2, seconds=61.0,
            history=({"epoch": 1, "energy": -1.25}, {"epoch": 2, "energy": -2.5, "spread": 0.0}),
        ),
        "removal": RemovalFacts(
            images=64, max_abs_difference=1.5e-6, tolerance=1e-4, batchnorm_recalibrated=False
        ),
        "latency": (latency(8, 2, 0.99, 1.01, 1.04), latency(1, 1, 1.48, 1.5, 1.55)),
        "seconds": {"01_baseline": 100.0, "03_search": 61.0},
        "notes": (),
    }  # fmt: skip
    return RunReport(**fields | changes)
