"""``device-report.json``: its types, which are those of the program that writes it, and its rules."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from compress.runs.file_records import Part
from exporters.device.answers import Answers
from exporters.device.machine import Device, State
from exporters.device.providers import short_name
from exporters.device.timing import PairTiming
from exporters.measure.latency_results import LatencyComparison
from exporters.read.session import CPU_PROVIDER

SCHEMA_VERSION: Final = "1.0"
LEAST: Final = 1e-9
"""Of a number that others are divided by."""


class DeviceFile(Part):
    """One file of the kit: its answers on the device, and operator -> nodes that ran on each provider."""

    label: str
    sha256: str
    precision: str
    answers: Answers
    nodes: dict[str, dict[str, int]]


class DeviceReport(Part):
    """What was measured on one device.

    ``created`` is in UTC, ISO 8601. ``kit`` is the kit's name, ``kit_sha256`` that of its list of checksums.
    ``before`` and ``after`` are the device's states around the timing; ``seconds`` were asked for each pair.
    """

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    created: str
    kit: str
    kit_sha256: str
    compress_version: str
    device: Device
    provider: str
    session: dict[str, str]
    seconds: float
    before: State
    after: State
    files: tuple[DeviceFile, ...]
    timings: tuple[PairTiming, ...]
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The board's or the processor's name, with the provider where it is not the CPU."""
        name = self.device.board or self.device.processor
        return name if self.provider == CPU_PROVIDER else f"{name}, {short_name(self.provider)}"

    def replaces(self, other: "DeviceReport") -> bool:
        """Whether it measured the same on the same device: the newer one is kept."""
        same = (self.device, self.provider) == (other.device, other.provider)
        return same and self._settings == other._settings

    @property
    def _settings(self) -> set[tuple[int, int]]:
        return {(one.comparison.batch_size, one.comparison.threads) for one in self.timings}


def device_faults(report: DeviceReport, *, classes: int) -> Iterator[str]:
    """Everything that does not fit, each as "expected ..., got ..."; ``classes`` are the data set's."""
    labels = [file.label for file in report.files]
    if not labels or len({*labels}) < len(labels):
        yield f"expected files with a label of its own each, got {sorted(labels)}"
    named = {label for one in report.timings for label in (one.original, one.candidate)}
    if not named <= {*labels}:
        yield f"expected times of files of the report, got {sorted(named - {*labels})}"
    if report.device.emulated and report.timings:
        yield "expected no times from an emulator, got some"
    for answers in (file.answers for file in report.files):
        if not 0 <= answers.agreeing <= answers.images:
            yield f"expected at most {answers.images} same answers, got {answers.agreeing}"
        numbers = {number for one in answers.differing for number in (one.truth, one.expected, one.found)}
        if wrong := [number for number in numbers if not 0 <= number < classes]:
            yield f"expected numbers of the {classes:,} classes, 0 to {classes - 1:,}, got {wrong[0]:,}"
    yield from timing_faults(one.comparison for one in report.timings)


def timing_faults(timings: Iterable[LatencyComparison]) -> Iterator[str]:
    """Times, and ratios of them, by which others are divided."""
    for one in timings:
        for what, least in (
            ("a ratio of times", min(one.ratio, one.ratio_low, one.ratio_high)),
            *(("milliseconds of a call", min(side.p50_ms, *side.sample_ms)) for side in (one.original, one.candidate)),
        ):
            if least < LEAST:
                yield f"expected {what} above 0, got {least}"
                return
