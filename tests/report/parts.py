"""The parts that the sample reports are put together from."""

import base64
import io
import math

import numpy as np
from PIL import Image

from compress.report.model import BudgetFacts, ChangedImage, LatencyRow, NetworkRow, RemovalFacts, RunFacts, SearchFacts
from compress.report.results import Comparison
from compress.structure.remove import LayerChange
from compress.verdict.accuracy import measure_accuracy, measure_drop
from compress.verdict.changed_answers import compare_answers
from exporters.measure.latency_results import LatencyComparison, Timing
from exporters.measure.memory import MemoryUse
from exporters.measure.profile import LayerTime, OperatorProfile
from exporters.read.parity import ParityReport
from exporters.read.signature import Signature
from exporters.write.int8 import Quantization

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
        "source": source,
        "source_drop": measure_drop(logits(of)[0], values, labels),
        "quantization": Quantization(
            scheme="static QDQ", calibration="minmax", calibration_images=512, per_channel=True,
            weights="int8", activations="uint8", reduced_range=False, float_layers=(),
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
        "settling_calls": 2,
        "pairs": 700,
        "pairs_used": 690,
        "cut_short": False,
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
            LayerChange("features.0", "Conv2d", in_before=1, in_after=1, out_before=64, out_after=32),
            LayerChange("features.3.squeeze", "Conv2d", in_before=64, in_after=32, out_before=16, out_after=16),
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
