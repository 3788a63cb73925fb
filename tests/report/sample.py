"""Small reports with known numbers: of a run, of a run with all there can be, of two foreign files."""

from compress.report.model import DataFacts, Report
from compress.report.results import GateResult
from compress.verdict.accuracy import measure_drop
from tests.report.parts import (
    CLASSES,
    ORIGINAL_WRONG,
    PRUNED_WRONG,
    changed_image,
    int8,
    latency_row,
    logits,
    network,
    operators,
    run_facts,
    search_history,
    signature,
    timing,
)


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
            fingerprint="f" * 64, test_fingerprint="e" * 64, image_size=48, channels=1,
            resize="28 x 28 to 48 x 48, bilinear",
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
                    source="pruned", source_drop=same, **fp16),
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
        "name": "small.onnx against big.onnx",
        "networks": rows,
        "latency": (latency_row(1, 1, 1.48, 1.5, 1.55, against="big.onnx", other="small.onnx"),),
        "run": None,
    }
    return report(**fields | changes)
