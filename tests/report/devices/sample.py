"""The report of a device that measured the files of ``sample.full_report()``."""

import json
from pathlib import Path

from compress.report.devices.model import DeviceFile, DeviceReport
from compress.report.model import Report
from exporters.device.answers import Answers, OtherAnswer
from exporters.device.machine import Device, State
from exporters.device.timing import PairTiming
from tests.report.sample import changed, latency_row, timing

CPU = "CPUExecutionProvider"
BOARD = Device(
    board="Raspberry Pi 5", processor="implementer 0x41, part 0xd0b", architecture="aarch64", system="Linux-6.6",
    cores=4, python="3.9.2", numpy="2.0.2", onnxruntime="1.19.2", emulated="",
)  # fmt: skip
BEFORE = State(governors=("ondemand",), frequency_mhz=2400.0, highest_mhz=2400.0, temperature_c=48.2, throttled=0)


def answers(**changes) -> Answers:
    fields = {
        "rule": "logits", "images": 64, "agreeing": 64, "max_abs_difference": 2e-6, "tolerance": 1e-4, "right": 55,
        "expected_right": 55, "differing": (),
    }  # fmt: skip
    return Answers(**fields | changes)


FEW_BITS = answers(
    rule="classes", agreeing=63, max_abs_difference=0.4, tolerance=None, right=54,
    differing=(OtherAnswer(image=9, truth=4, expected=4, found=1),),
)  # fmt: skip


def device_report(report: Report, **changes) -> DeviceReport:
    """Of the original, the candidate and its INT8 file; the board is half as fast as the host."""
    rows = {row.label: row for row in report.networks}
    files = tuple(
        DeviceFile(
            label=label,
            sha256=row.sha256,
            precision=row.precision,
            answers=FEW_BITS if row.precision == "int8" else answers(),
            nodes={CPU: {"Conv": 3}},
        )
        for label, row in rows.items()
        if label in (report.original.label, report.candidate.label, "pruned int8")
    )
    row = latency_row(1, 1, 1.7, 1.8, 1.9, before=9.0, after=5.0)
    fields = {
        "created": "2026-11-28T09:00:00+00:00", "kit": report.name, "kit_sha256": "9" * 64,
        "compress_version": "0.1.0", "device": BOARD, "provider": CPU, "session": {"provider": CPU}, "seconds": 2.5,
        "before": BEFORE, "after": changed(BEFORE, temperature_c=61.7, frequency_mhz=1500.0), "files": files,
        "timings": (
            PairTiming(report.original.label, report.candidate.label, row.comparison),
            PairTiming(report.original.label, report.candidate.label, changed(
                row.comparison, threads=4, noisy=True, original=timing(3.0), candidate=timing(2.0))),
        ),
        "warnings": ("the clock fell from 2400 to 1500 MHz",),
    }  # fmt: skip
    return DeviceReport(**fields | changes)


def as_file(path: Path, document: DeviceReport, **changes) -> Path:
    """Write it as the device does, with other fields at its top."""
    path.write_text(json.dumps(document.model_dump(mode="json") | changes))
    return path
