"""Small reports with known numbers (of a run, of a run with every part, of two foreign files) and their parts."""

import base64
import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from compress.report import model
from compress.report.results import GateResult
from compress.structure.remove import LayerChange
from compress.verdict.accuracy import measure_accuracy, measure_drop
from compress.verdict.changed_answers import compare_answers
from exporters.int8.quantize import Quantization
from exporters.measure.latency_results import LatencyComparison, Timing
from exporters.measure.memory import MemoryUse
from exporters.measure.profile import LayerTime, OperatorProfile
from exporters.read.logits import ParityReport
from exporters.read.signature import Signature

CLASSES = ("T-shirt", "trousers", "coat", "bag", "boot", "shirt")
ORIGINAL_WRONG = range(40)
PRUNED_WRONG = range(30, 75)


def changed(value: Any, **changes) -> Any:
    """A copy of a model or dataclass with other fields."""
    return value.model_copy(update=changes) if hasattr(value, "model_copy") else replace(value, **changes)


def logits(wrong: range) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of 400 images, of which those in ``wrong`` are taken for the next class."""
    labels = np.arange(400) % len(CLASSES)
    answers = labels.copy()
    answers[list(wrong)] = (answers[list(wrong)] + 1) % len(CLASSES)
    return np.eye(len(CLASSES))[answers] * 4, labels


SIGNATURE = Signature(
    input_name="images", output_name="logits", layout="NCHW", dtype="float32", batch=None, channels=1, height=48,
    width=48, classes=len(CLASSES),
)  # fmt: skip


def network(label: str, role: str, *, wrong: range, file: str, **changes) -> model.NetworkRow:
    """A row of the original, or of a network half its size: pruned, or made from a pruned one."""
    pruned = role != "original" and changes.get("source") != "original"
    size = {"size_bytes": 1_200_000, "parameters": 290_000, "macs": 12_500_000, "kept_macs": 0.5,
            "kept_parameters": 0.4, "denormals_flushed": 17}  # fmt: skip
    if not pruned:
        size = {"size_bytes": 3_000_000, "parameters": 727_626, "macs": 25_000_000, "kept_macs": 1.0,
                "kept_parameters": 1.0, "denormals_flushed": 0}  # fmt: skip
    fields = size | {
        "label": label, "role": role, "file": file, "sha256": ("b" if pruned else "a") * 64, "precision": "fp32",
        "signature": SIGNATURE, "preprocessing": "divided by 255, minus mean 0.286, divided by std 0.353",
        "epochs": 14,
        "accuracy": measure_accuracy(*logits(wrong)),
        "drop": None if role == "original" else measure_drop(logits(ORIGINAL_WRONG)[0], *logits(wrong)),
        "comparison": None if role == "original" else compare_answers(logits(ORIGINAL_WRONG)[0], *logits(wrong)),
        "parity": ParityReport(images=400, max_abs_difference=1.2e-6, argmax_agreeing=400, tolerance=1e-4),
        "memory": MemoryUse(batch_size=1, threads=1, peak_bytes=9_500_000 if pruned else 14_000_000),
    }  # fmt: skip
    return model.NetworkRow(**fields | changes)


def made_from(source: str, precision: str, *, wrong: range, of: range, **changes) -> model.NetworkRow:
    """A row in another precision, made from the row ``source``, whose answers are wrong in ``of``."""
    return network(
        f"{source} {precision}", "extra", wrong=wrong, file=f"artifacts/{source}.{precision}.onnx", precision=precision,
        parity=None, source=source, source_drop=measure_drop(logits(of)[0], *logits(wrong)), **changes,
    )  # fmt: skip


INT8 = Quantization(
    scheme="static QDQ", calibration="minmax", calibration_images=512, per_channel=True, weights="int8",
    activations="uint8", reduced_range=False, float_layers=(),
)  # fmt: skip


def timing(p50_ms: float, *, samples: int = 700, **changes) -> Timing:
    """Milliseconds around ``p50_ms``, without randomness."""
    fields = {
        "samples": samples, "p50_ms": p50_ms, "p50_low_ms": 0.98 * p50_ms, "p50_high_ms": 1.03 * p50_ms,
        "p90_ms": 1.1 * p50_ms, "p99_ms": 1.3 * p50_ms if samples >= 662 else None,
        "images_per_second": 980 / p50_ms, "coefficient_of_variation": 0.02,
        "sample_ms": tuple(
            round(p50_ms * (1 + 0.04 * math.sin(1.7 * n) + 0.2 * (n % 50 == 49)), 5) for n in range(200)
        ),
    }  # fmt: skip
    return Timing(**fields | changes)


def latency_row(
    *numbers: float, against="original", other="pruned", before=1.5, after=1.0, **changes
) -> model.LatencyRow:
    """``numbers``: batch size, threads, low end, ratio, high end; then labels, and medians in milliseconds."""
    fields = dict(zip(("batch_size", "threads", "ratio_low", "ratio", "ratio_high"), numbers, strict=True)) | {
        "rounds": 10, "settling_calls": 2, "pairs": 700, "pairs_used": 690, "cut_short": False, "pinned": True,
        "noisy": False, "original": timing(before), "candidate": timing(after, samples=600),
    }  # fmt: skip
    return model.LatencyRow(original=against, candidate=other, comparison=LatencyComparison(**fields | changes))


def run_facts(**changes) -> model.RunFacts:
    fields = {
        "config": {"arch": "squeezenet", "keep_macs": 0.5, "weights": None, "seed": 0},
        "budget": model.BudgetFacts(
            asked_macs=0.5, asked_parameters=None, achieved_macs=0.498, achieved_parameters=0.4, align=16
        ),
        "layers": (
            LayerChange("features.0", "Conv2d", in_before=1, in_after=1, out_before=64, out_after=32),
            LayerChange("features.3.squeeze", "Conv2d", in_before=64, in_after=32, out_before=16, out_after=16),
        ),
        "search": model.SearchFacts(
            preset="default", population=8, iterations=255, converged_at=2, seconds=61.0,
            history=({"epoch": 1, "energy": -1.25}, {"epoch": 2, "energy": -2.5, "spread": 0.0}),
        ),
        "removal": model.RemovalFacts(
            images=64, max_abs_difference=1.5e-6, tolerance=1e-4, batchnorm_recalibrated=False
        ),
        "training": {"01_baseline": curve(6, loss=1.86), "05_finetune": curve(8, loss=0.6)},
        "seconds": {"01_baseline": 100.0, "03_search": 61.0},
    }  # fmt: skip
    return model.RunFacts(**fields | changes)


def curve(epochs: int, *, loss: float) -> tuple[dict[str, float], ...]:
    """A training's history, with the names that the training loop gives."""
    values = [round(loss * 0.8**epoch, 4) for epoch in range(epochs)]
    names = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
    rows = ((n + 1.0, value, 1 - value / 3, 1.1 * value, 1 - value / 2.8) for n, value in enumerate(values))
    return tuple(dict(zip(names, row, strict=True)) for row in rows)


# A search's history, with the names that the search gives.
SEARCH_HISTORY = tuple(
    {**epoch, "kept_units": 0.55 - 0.01 * n, "energy_best": -0.9 - 0.3 * n, "energy_mean": -0.3 - 0.45 * n}
    for n, epoch in enumerate(curve(4, loss=0.9))
)
OPERATORS = OperatorProfile(
    batch_size=1, threads=1, calls=60,
    layers=(
        LayerTime("features.0", "Conv", 1.0, 0.5, 0.5, ""),
        LayerTime("features.2", "Relu", 1.0, None, None, ""),
        LayerTime("features.3", "Conv", 2.0, 0.25, 0.1, "memory-bound"),
        LayerTime("features.4", "Pad", None, 4.25, None, "layout change"),
        LayerTime("features.5", "Cast", 0.0, 0.0, None, ""),
    ),
)  # fmt: skip


def changed_image(index: int) -> model.ChangedImage:
    """Test image ``index`` as a grey square."""
    file = io.BytesIO()
    Image.new("L", (48, 48), 5 * index).save(file, format="PNG")
    label = index % len(CLASSES)
    original, candidate = ((label + (index in wrong)) % len(CLASSES) for wrong in (ORIGINAL_WRONG, PRUNED_WRONG))
    png = base64.b64encode(file.getvalue()).decode()
    return model.ChangedImage(index=index, truth=label, original=original, candidate=candidate, png=png)


def report(**changes) -> model.Report:
    """The report of a run: original and pruned; timings of networks that ``changes`` leaves out are left out."""
    fields = {
        "created": "2026-11-22T08:00:00+00:00", "compress_version": "0.1.0",
        "name": "20261122-080000-squeezenet-fashion-sample-abcd",
        "environment": {"cpu": {"model": "Some CPU", "isa": ["avx2", "fma"]}, "threads": 2, "git": None},
        "session": {"provider": "CPUExecutionProvider", "graph optimisation": "all", "spinning": "stopped"},
        "data": model.DataFacts(
            name="fashion-sample", classes=CLASSES, train=10_800, val=1_200, test=400,
            fingerprint="f" * 64, test_fingerprint="e" * 64, image_size=48, channels=1,
            resize="28 x 28 to 48 x 48, bilinear",
        ),
        "networks": (
            network("original", "original", wrong=ORIGINAL_WRONG, file="artifacts/original.onnx"),
            network("pruned", "candidate", wrong=PRUNED_WRONG, file="artifacts/pruned.onnx"),
        ),
        "latency": (latency_row(8, 2, 0.99, 1.01, 1.04), latency_row(1, 1, 1.48, 1.5, 1.55)),
        "operators": None, "changed": (), "gates": (), "run": run_facts(), "notes": (),
    }  # fmt: skip
    if "latency" not in changes:
        labels = {row.label for row in changes.get("networks", fields["networks"])}
        fields["latency"] = tuple(row for row in fields["latency"] if {row.original, row.candidate} <= labels)
    return model.Report(**fields | changes)


def with_candidate(**changes) -> model.Report:
    """``report()`` with changes to the row of its candidate."""
    return report(networks=(report().original, changed(report().candidate, **changes)))


def full_report(**changes) -> model.Report:
    """The report of a run with every part that a report can have."""
    fields = {
        "networks": (
            *report().networks,
            made_from("original", "int8", wrong=range(41), of=ORIGINAL_WRONG, sha256="c" * 64, size_bytes=780_000,
                      quantization=INT8),
            made_from("pruned", "int8", wrong=range(30, 77), of=PRUNED_WRONG, sha256="d" * 64, size_bytes=330_000,
                      quantization=INT8),
            made_from("pruned", "fp16", wrong=PRUNED_WRONG, of=PRUNED_WRONG, sha256="e" * 64, size_bytes=610_000),
        ),
        "latency": (
            *report().latency,
            latency_row(1, 1, 2.3, 2.4, 2.6, other="original int8", after=0.62),
            latency_row(1, 1, 3.3, 3.5, 3.7, other="pruned int8", after=0.43),
            latency_row(1, 1, 2.2, 2.3, 2.5, against="pruned", other="pruned int8", before=1.0, after=0.43),
            latency_row(1, 1, 0.97, 0.98, 0.99, other="pruned fp16", after=1.53, noisy=True,
                        original=timing(1.5, coefficient_of_variation=0.14)),
        ),
        "operators": OPERATORS,
        "changed": tuple(changed_image(index) for index in (4, 8, 41, 42, 43, 44)),
        "gates": (
            GateResult("max-drop", "pruned", limit=1.0, measured=1.25, pessimistic=5.26, passed=False),
            GateResult("min-speedup", "pruned", limit=1.2, measured=1.5, pessimistic=1.48, passed=True),
            GateResult("max-size-mb", "pruned", limit=2.0, measured=1.2, pessimistic=1.2, passed=True),
        ),
        "run": run_facts(search=changed(run_facts().search, history=SEARCH_HISTORY)),
        "notes": ("two images were skipped: broken.png, empty.png",),
    }  # fmt: skip
    return report(**fields | changes)


def foreign_report(**changes) -> model.Report:
    """The report of two ONNX files that were not made here."""
    foreign = {
        "epochs": None, "parity": None, "denormals_flushed": None,
        "signature": changed(SIGNATURE, input_name="x", output_name="y", layout="NHWC", dtype="uint8"),
    }  # fmt: skip
    fields = {
        "name": "small.onnx against big.onnx",
        "networks": (
            network("big.onnx", "original", wrong=ORIGINAL_WRONG, file="models/big.onnx", **foreign),
            network("small.onnx", "candidate", wrong=PRUNED_WRONG, file="models/small.onnx", **foreign),
        ),
        "latency": (latency_row(1, 1, 1.48, 1.5, 1.55, against="big.onnx", other="small.onnx"),),
        "run": None,
    }
    return report(**fields | changes)
