"""Small reports with known numbers: of a run, of a run with all there can be, of two foreign files."""

import base64
import io
import math

import numpy as np
from PIL import Image

from compress.report.model import ChangedImage, DataFacts, LatencyRow, NetworkRow, Origin, Report
from compress.report.run_facts import BudgetFacts, LayerRow, RemovalFacts, RunFacts, SearchFacts
from compress.verify.accuracy import measure_accuracy, measure_drop
from compress.verify.comparison import Comparison, compare_answers
from compress.verify.gates import GateResult
from exporters.latency import LatencyComparison, Timing
from exporters.memory import MemoryUse
from exporters.parity import ParityReport
from exporters.profile import LayerTime, OperatorProfile
from exporters.quantize import Quantization
from exporters.signature import Signature

CLASSES = ("T-shirt", "trousers", "coat", "bag", "boot", "shirt")
ORIGINAL_WRONG = range(40)
PRUNED_WRONG = range(30, 75)


def logits(wrong: range) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of 400 images, of which those in ``wrong`` are taken for the next class."""
    labels = np.arange(400) % len(CLASSES)
    answers = labels.copy()
    answers[list(wrong)] = (answers[list(wrong)] + 1) % len(CLASSES)
    return np.eye(len(CLASSES))[answers] * 4, labels


def comparison(original_wrong: range, wrong: range) -> Comparison:
    """Answers that are wrong in ``wrong`` against answers that are wrong in ``original_wrong``."""
    return compare_answers(logits(original_wrong)[0], *logits(wrong))


def signature(**changes) -> Signature:
    fields = {
        "input_name": "images", "output_name": "logits", "layout": "NCHW", "dtype": "float32",
        "batch": None, "channels": 1, "height": 48, "width": 48, "classes": len(CLASSES),
    }  # fmt: skip
    return Signature(**fields | changes)


def network(label: str, role: str, *, wrong: range, file: str, **changes) -> NetworkRow:
    values, labels = logits(wrong)
    pruned = role != "original"
    fields = {
        "label": label,
        "role": role,
        "file": file,
        "sha256": ("b" if pruned else "a") * 64,
        "size_bytes": 1_200_000 if pruned else 3_000_000,
        "precision": "fp32",
        "signature": signature(),
        "preprocessing": "divided by 255, minus mean 0.286, divided by std 0.353",
        "parameters": 290_000 if pruned else 727_626,
        "macs": 12_500_000 if pruned else 25_000_000,
        "kept_macs": 0.5 if pruned else 1.0,
        "kept_parameters": 0.4 if pruned else 1.0,
        "epochs": 14,
        "accuracy": measure_accuracy(values, labels),
        "drop": measure_drop(logits(ORIGINAL_WRONG)[0], values, labels) if pruned else None,
        "comparison": comparison(ORIGINAL_WRONG, wrong) if pruned else None,
        "parity": ParityReport(images=400, max_abs_difference=1.2e-6, argmax_agreeing=400, tolerance=1e-4),
        "denormals_flushed": 17 if pruned else 0,
        "memory": MemoryUse(batch_size=1, threads=1, peak_bytes=9_500_000 if pruned else 14_000_000),
    }
    return NetworkRow(**fields | changes)


def int8(source: str, role: str, *, wrong: range, of: range, **changes) -> NetworkRow:
    """The INT8 row that was made from the row ``source``, whose answers are wrong in ``of``."""
    values, labels = logits(wrong)
    stem = source.split(maxsplit=1)[0]
    base = network(f"{source} int8", "extra", wrong=wrong, file=f"artifacts/{stem}.int8.onnx")
    fields = {
        "precision": "int8",
        "sha256": ("c" if role == "original" else "d") * 64,
        "size_bytes": 780_000 if role == "original" else 330_000,
        "kept_macs": 1.0 if role == "original" else 0.5,
        "macs": 25_000_000 if role == "original" else 12_500_000,
        "kept_parameters": 1.0 if role == "original" else 0.4,
        "parameters": 727_626 if role == "original" else 290_000,
        "parity": None,
        "origin": Origin(
            source=source,
            drop=measure_drop(logits(of)[0], values, labels),
            quantization=Quantization(
                scheme="static QDQ", calibration="minmax", calibration_images=512, per_channel=True,
                weights="int8", activations="uint8", reduced_range=False, left_float=(),
            ),
        ),
    }  # fmt: skip
    return base.model_copy(update=fields | changes)


def timing(p50_ms: float, *, samples: int = 700, **changes) -> Timing:
    """Milliseconds around ``p50_ms``, without randomness."""
    wave = tuple(round(p50_ms * (1 + 0.04 * math.sin(1.7 * n) + 0.2 * (n % 50 == 49)), 5) for n in range(200))
    fields = {
        "samples": samples,
        "p50_ms": p50_ms,
        "p50_low_ms": 0.98 * p50_ms,
        "p50_high_ms": 1.03 * p50_ms,
        "p90_ms": 1.1 * p50_ms,
        "p99_ms": 1.3 * p50_ms if samples >= 662 else None,
        "images_per_second": 980 / p50_ms,
        "coefficient_of_variation": 0.02,
        "sample_ms": wave,
    }
    return Timing(**fields | changes)


def latency(batch_size: int, threads: int, low: float, ratio: float, high: float, **changes) -> LatencyComparison:
    fields = {
        "batch_size": batch_size,
        "threads": threads,
        "rounds": 10,
        "original": timing(1.5),
        "candidate": timing(1.0, samples=600),
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "pinned": True,
        "noisy": False,
    }
    return LatencyComparison(**fields | changes)


def latency_row(
    *numbers: float,
    against: str = "original",
    other: str = "pruned",
    before: float = 1.5,
    after: float = 1.0,
    **changes,
) -> LatencyRow:
    """``numbers``: batch size, threads, low end, ratio, high end; then labels, and medians in milliseconds."""
    timings = {"original": timing(before), "candidate": timing(after, samples=600)}
    return LatencyRow(original=against, candidate=other, comparison=latency(*numbers, **timings | changes))


def run_facts(**changes) -> RunFacts:
    fields = {
        "config": {"arch": "squeezenet", "keep_macs": 0.5, "weights": None, "seed": 0},
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
        "training": {"01_baseline": curve(6, loss=1.86), "05_finetune": curve(8, loss=0.6)},
        "seconds": {"01_baseline": 100.0, "03_search": 61.0},
    }  # fmt: skip
    return RunFacts(**fields | changes)


def curve(epochs: int, *, loss: float) -> tuple[dict[str, float], ...]:
    """A training's history, with the names that the training loop gives."""
    losses = [round(loss * 0.8**epoch, 4) for epoch in range(epochs)]
    return tuple(
        {"epoch": epoch + 1.0, "loss": value, "accuracy": 1 - value / 3, "val_loss": 1.1 * value,
         "val_accuracy": 1 - value / 2.8}
        for epoch, value in enumerate(losses)
    )  # fmt: skip


def search_history(epochs: int) -> tuple[dict[str, float], ...]:
    """A search's history, with the names that the search gives."""
    return tuple(
        {**epoch, "kept_units": 0.55 - 0.01 * number, "energy_best": -0.9 - 0.3 * number,
         "energy_mean": -0.3 - 0.45 * number}
        for number, epoch in enumerate(curve(epochs, loss=0.9))
    )  # fmt: skip


def report(**changes) -> Report:
    """The report of a run: original and pruned; timings of networks that ``changes`` leaves out are left out."""
    fields = {
        "created": "2026-11-22T08:00:00+00:00",
        "compress_version": "0.1.0",
        "name": "20261122-080000-squeezenet-fashion-sample-abcd",
        "environment": {"cpu": {"model": "Some CPU", "isa": ["avx2", "fma"]}, "threads": 2, "git": None},
        "session": {"provider": "CPUExecutionProvider", "graph optimisation": "all", "spinning": "stopped"},
        "data": DataFacts(
            name="fashion-sample", classes=CLASSES, train=10_800, val=1_200, test=400,
            fingerprint="f" * 64, image_size=48, channels=1, resize="28 x 28 to 48 x 48, bilinear",
        ),
        "networks": (
            network("original", "original", wrong=ORIGINAL_WRONG, file="artifacts/original.onnx"),
            network("pruned", "candidate", wrong=PRUNED_WRONG, file="artifacts/pruned.onnx"),
        ),
        "latency": (latency_row(8, 2, 0.99, 1.01, 1.04), latency_row(1, 1, 1.48, 1.5, 1.55)),
        "operators": None,
        "changed": (),
        "gates": (),
        "run": run_facts(),
        "notes": (),
    }  # fmt: skip
    if "latency" not in changes:
        labels = {row.label for row in changes.get("networks", fields["networks"])}
        fields["latency"] = tuple(row for row in fields["latency"] if {row.original, row.candidate} <= labels)
    return Report(**fields | changes)


def full_report(**changes) -> Report:
    """The report of a run with all that can be in one."""
    same = measure_drop(logits(PRUNED_WRONG)[0], *logits(PRUNED_WRONG))
    fp16 = {"precision": "fp16", "sha256": "e" * 64, "size_bytes": 610_000, "parity": None}
    fields = {
        "networks": (
            *report().networks,
            int8("original", "original", wrong=range(41), of=ORIGINAL_WRONG),
            int8("pruned", "candidate", wrong=range(30, 77), of=PRUNED_WRONG),
            network("pruned fp16", "extra", wrong=PRUNED_WRONG, file="artifacts/pruned.fp16.onnx",
                    origin=Origin(source="pruned", drop=same), **fp16),
        ),
        "latency": (
            *report().latency,
            latency_row(1, 1, 2.3, 2.4, 2.6, other="original int8", after=0.62),
            latency_row(1, 1, 3.3, 3.5, 3.7, other="pruned int8", after=0.43),
            latency_row(1, 1, 2.2, 2.3, 2.5, against="pruned", other="pruned int8", before=1.0, after=0.43),
            latency_row(1, 1, 0.97, 0.98, 0.99, other="pruned fp16", after=1.53, noisy=True,
                        original=timing(1.5, coefficient_of_variation=0.14)),
        ),
        "operators": operators(),
        "changed": tuple(changed_image(index) for index in (4, 8, 41, 42, 43, 44)),
        "gates": (
            GateResult("max-drop", "pruned", limit=1.0, measured=1.25, pessimistic=5.26, passed=False),
            GateResult("min-speedup", "pruned", limit=1.2, measured=1.5, pessimistic=1.48, passed=True),
            GateResult("max-size-mb", "pruned", limit=2.0, measured=1.2, pessimistic=1.2, passed=True),
        ),
        "run": run_facts(search=run_facts().search.model_copy(update={"history": search_history(4)})),
        "notes": ("two images were skipped: broken.png, empty.png",),
    }  # fmt: skip
    return report(**fields | changes)


def foreign_report(**changes) -> Report:
    """The report of two ONNX files that were not made here."""
    rows = tuple(
        network(label, role, wrong=wrong, file=file, epochs=None, parity=None, denormals_flushed=None,
                signature=signature(input_name="x", output_name="y", layout="NHWC", dtype="uint8"))
        for label, role, wrong, file in (
            ("big.onnx", "original", ORIGINAL_WRONG, "models/big.onnx"),
            ("small.onnx", "candidate", PRUNED_WRONG, "models/small.onnx"),
        )
    )  # fmt: skip
    fields = {
        "name": "big.onnx against small.onnx",
        "networks": rows,
        "latency": (latency_row(1, 1, 1.48, 1.5, 1.55, against="big.onnx", other="small.onnx"),),
        "run": None,
    }
    return report(**fields | changes)


def operators() -> OperatorProfile:
    """Where the time goes: two layers, a layout change, and one layer that only the candidate has."""
    return OperatorProfile(
        batch_size=1, threads=1, calls=60,
        layers=(
            LayerTime("features.0", "Conv", 0.42, 0.22, 0.5, ""),
            LayerTime("features.3.squeeze", "Conv", 0.2, 0.19, 0.5, "memory-bound"),
            LayerTime("features.3.squeeze.out", "ReorderOutput", 0.05, 0.05, None, "layout change"),
            LayerTime("features.4.pad", "Pad", None, 0.03, None, ""),
        ),
    )  # fmt: skip


def changed_image(index: int) -> ChangedImage:
    """Test image ``index`` as a grey gradient."""
    pixels = (np.add.outer(np.arange(48), np.arange(48)) * (index % 5 + 1)) % 256
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, format="PNG")
    label = index % len(CLASSES)
    answers = [(label + (index in wrong)) % len(CLASSES) for wrong in (ORIGINAL_WRONG, PRUNED_WRONG)]
    return ChangedImage(
        index=index,
        truth=label,
        original=answers[0],
        candidate=answers[1],
        png=base64.b64encode(file.getvalue()).decode(),
    )
