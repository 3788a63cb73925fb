"""The verdict on two ONNX files in Python: the code of ``compress verify``, on images that the caller has prepared."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

import numpy as np
from torch import Tensor

from compress.api.given_images import GivenImages, Images, read_given
from compress.api.keywords import naming_keywords
from compress.atomic import write_atomically
from compress.data.preprocessing import Preprocessing
from compress.errors import UsageError
from compress.exporter_faults import as_bad_input
from compress.report.documents import report_document
from compress.report.html import render_html
from compress.report.model import Report, dump_report
from compress.report.results import AccuracyDrop
from compress.report.terminal import render_text
from compress.report.timings import headline_latency
from compress.settings.config import build
from compress.settings.preprocessing import ChannelOrder
from compress.settings.verify import Gates, UserOverrides, VerifySettings
from compress.verdict.file_metadata import class_names, fitted, noted_preparation
from compress.verdict.open_files import look_into
from compress.verdict.verify import verify_files
from exporters.measure.latency_results import LatencyComparison
from exporters.read.signature import Signature
from exporters.read.try_out import try_out

_LONGEST_NAME: Final = 2**20  # characters of a dict of class names
UNKNOWN: Final = "as the images were given"


class VerifyOptions(TypedDict, total=False):
    """What ``verify`` measures, and limits for the candidate, judged by the pessimistic end of the interval."""

    seconds: float
    """Of timing, for each batch size and thread count; by default 2.5."""
    batch_sizes: Sequence[int]
    """By default 1 and 8."""
    threads: Sequence[int]
    """Of onnxruntime; by default 1 and all."""
    provider: str
    """Of onnxruntime, which answers and is timed: "cpu" by default, "openvino", "cuda", ..."""
    seed: int
    """Of the order of timing and of the intervals."""
    max_drop: float
    """Largest loss of Top-1, in percentage points."""
    min_speedup: float
    """Smallest speed-up, at the smallest batch and the fewest threads."""
    max_latency_ms: float
    """Largest median latency, in milliseconds, at the same setting."""
    max_size_mb: float
    """Largest file, in 10^6 bytes."""
    max_macs: int
    """Most multiply-accumulates for one image."""


@dataclass(frozen=True)
class Verdict:
    """What a candidate gained and lost against the original; ``report`` has everything that was measured."""

    report: Report

    @property
    def top1(self) -> float:
        """The candidate's Top-1, 0 to 1."""
        return self.report.candidate.accuracy.top1.value

    @property
    def original_top1(self) -> float:
        """The original's Top-1, 0 to 1."""
        return self.report.original.accuracy.top1.value

    @property
    def drop(self) -> AccuracyDrop:
        """Percentage points of Top-1 that were lost: ``points``, with the interval ``low`` to ``high``."""
        return self.report.drop

    @property
    def latency(self) -> LatencyComparison | None:
        """Both timed at the smallest batch and the fewest threads; ``None`` if their fixed batch sizes differ."""
        return headline_latency(self.report)

    @property
    def speedup(self) -> float | None:
        """How many times as fast the candidate is there."""
        return self.latency.ratio if self.latency else None

    @property
    def kept_macs(self) -> float:
        """Share of the original's multiply-accumulates."""
        return self.report.candidate.kept_macs

    @property
    def passed(self) -> bool:
        """Whether every limit was kept; True if there was none."""
        return all(gate.passed for gate in self.report.gates)

    def table(self) -> str:
        """The report as ``compress verify`` prints it."""
        return render_text(report_document(self.report))

    def to_html(self, path: str | Path) -> None:
        """Write the whole report as one page."""
        write_atomically(Path(path), self._page().encode())

    def to_json(self, path: str | Path) -> None:
        """Write every number."""
        write_atomically(Path(path), dump_report(self.report).encode())

    def __str__(self) -> str:
        return self.table()

    def _page(self) -> str:
        return render_html(report_document(self.report))

    def _repr_html_(self) -> str:
        """The page in a frame, for notebooks."""
        return f'<iframe srcdoc="{html.escape(self._page())}" width="100%" height="600" style="border:0"></iframe>'


@naming_keywords()
def verify(
    original: str | Path,
    candidate: str | Path,
    images: Images,
    labels: Tensor | np.ndarray | None = None,
    *,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    **options: Unpack[VerifyOptions],
) -> Verdict:
    """Measure two ONNX classifiers on the same images: accuracy, latency, memory, size, with intervals.

    Args:
        original: the file to compare with.
        candidate: the file to judge.
        images: float32 (N, C, H, H) as the original takes them, or a data set or loader of (image, label). It is
            read several times, in its order; so no augmentation.
        labels: class numbers (N,), if ``images`` are an array.
        classes: names; by default those in a file's metadata, else numbers.
        preprocessing: how the images were prepared, if no file says it and one takes 8-bit pixels. A file whose
            metadata states another mean and std gets the images converted.
        **options: see ``VerifyOptions``.

    Raises:
        UsageError: images, labels or options are not such, or this onnxruntime lacks the provider.
        BadInputError: a file is missing, damaged, or does not fit the images.
    """
    rest: dict[str, Any] = {name: value for name, value in options.items() if name in VerifySettings.model_fields}
    gates = {name: value for name, value in options.items() if name not in rest}
    limits = build(Gates, gates, in_file=gates.keys())
    settings = build(VerifySettings, rest | {"gates": limits}, in_file=rest.keys())
    paths, given = (Path(original), Path(candidate)), read_given(images, labels)
    facts = [_facts(path, channels=given.shape[0]) for path in paths]
    known = _known_preprocessing(facts, preprocessing, given)
    names = classes or _names(facts) or [str(number) for number in range(_class_count(facts, given))]
    data = given.bundle(names, known or given.guess_preprocessing())
    report = verify_files(*paths, lambda _how: data, settings)
    if known is None:
        rows = tuple(row.model_copy(update={"preprocessing": UNKNOWN}) for row in report.networks)
        report = report.model_copy(update={"networks": rows})
    return Verdict(report)


def _facts(path: Path, *, channels: int) -> tuple[Signature, Mapping[str, str]]:
    with as_bad_input():
        try_out(path, channels=channels)
        return look_into(path, UserOverrides(), channels=channels)


def _known_preprocessing(
    facts: Sequence[tuple[Signature, Mapping[str, str]]], stated: Preprocessing | None, given: GivenImages
) -> Preprocessing | None:
    """How the images were prepared: as the caller says, else as the original takes them, or the candidate."""
    if stated is not None:
        if stated.input_shape != given.shape:
            raise UsageError(f"expected a preprocessing for images {given.shape}, got one for {stated.input_shape}")
        return stated
    channels, size, _width = given.shape
    for _signature, metadata in facts:
        noted = fitted(noted_preparation(metadata), channels)
        if noted is not None:
            order: ChannelOrder = "bgr" if noted.bgr else "rgb"
            return Preprocessing(size, channels, noted.mean or (), noted.std or (), channel_order=order)
    if any(signature.dtype == "uint8" for signature, _metadata in facts):
        raise UsageError("a file takes 8-bit pixels: give preprocessing=, which says how the images were made of them")
    return None


def _names(facts: Sequence[tuple[Signature, Mapping[str, str]]]) -> list[str]:
    every = (class_names(metadata, longest=_LONGEST_NAME) for _signature, metadata in facts)
    return next((names for names in every if names), [])


def _class_count(facts: Sequence[tuple[Signature, Mapping[str, str]]], given: GivenImages) -> int:
    counts = (signature.classes for signature, _metadata in facts)
    return next((count for count in counts if count), int(given.split.labels.max()) + 1)
