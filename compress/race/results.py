"""The result of a finished cell: its report, and its two ONNX files run once more on every test image.

Axes: N images, K classes.
"""

import numpy as np

from compress.data.bundle import DataBundle
from compress.errors import BadInputError
from compress.report.model import NetworkRow, Report
from compress.report.race.model import CellResult, CellTiming
from compress.report.store import parse_report
from compress.run.export import TRAINED_ON
from compress.runs import RunFolder
from compress.runs.checked_folder import sha256_of
from compress.verdict.accuracy import correct_pair, measure_drop
from compress.verdict.open_files import classify, open_file

REPORT = "report.json"


def report_digest(run: RunFolder) -> str:
    """sha256 of a run's report, checked against its manifest."""
    return sha256_of(run.read_bytes(REPORT))


def read_result(run: RunFolder, data: DataBundle) -> tuple[Report, CellResult]:
    """A finished cell's report and its row of the race; BadInputError if a file or the test images have changed."""
    report = parse_report(run.read_text(REPORT), source=f"{run.path}/{REPORT}")
    if report.data.test_fingerprint != data.test_fingerprint:
        raise BadInputError(f"the test images are not those of {run.path}: restore them")
    trained_as_long = (row for row in report.networks if row.label == TRAINED_ON)
    original, pruned = next(trained_as_long, report.original), report.candidate
    original_NK, pruned_NK = (_logits(run, row, data) for row in (original, pruned))
    labels_N = data.test.labels.numpy()
    _, correct_N = correct_pair(original_NK, pruned_NK, labels_N)
    timings = report.timings(pruned.label, against=report.original.label)
    assert report.run is not None
    return report, CellResult(
        report_sha256=report_digest(run),
        original=original.label,
        original_top1=original.accuracy.top1,
        top1=pruned.accuracy.top1,
        drop=measure_drop(original_NK, pruned_NK, labels_N),
        macs=pruned.macs,
        parameters=pruned.parameters,
        kept_macs=pruned.kept_macs,
        kept_parameters=pruned.kept_parameters,
        timing=CellTiming.model_validate(timings[0], from_attributes=True) if timings else None,
        seconds=report.run.seconds,
        right=np.packbits(correct_N).tobytes().hex(),
    )


def _logits(run: RunFolder, row: NetworkRow, data: DataBundle) -> np.ndarray:
    run.read_bytes(row.file)  # checks it
    return classify(open_file(run.path / row.file, data), data, threads=1)
