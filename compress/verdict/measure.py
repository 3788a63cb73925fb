"""Measure files: accuracy, latency, memory, time per layer.

Axes: N images, K classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compress.data.bundle import DataBundle
from compress.environment import native_block
from compress.errors import BadInputError, UsageError
from compress.observer import Observer
from compress.report.model import ChangedImage, LatencyRow, NetworkRow
from compress.report.results import GateResult
from compress.settings.verify import VerifySettings
from compress.verdict.accuracy import measure_accuracy, measure_drop
from compress.verdict.changed_images import changed_images
from compress.verdict.comparison import compare_answers
from compress.verdict.gates import judge
from compress.verdict.never_answered import never_answered
from compress.verdict.open_files import classify
from compress.verdict.opened_file import OpenedFile, by_role
from compress.verdict.timing import Ticks, pairs_to_time, time_pairs
from exporters.measure.memory import measure_memory
from exporters.measure.profile import OperatorProfile, profile_operators
from exporters.read.signature import shared_batch

_PREDICT_BATCH = 64
"""Images in a call while accuracy is measured."""


@dataclass(frozen=True)
class Measured:
    """What was measured of all files; see ``Report`` for the fields."""

    networks: tuple[NetworkRow, ...]
    latency: tuple[LatencyRow, ...]
    operators: OperatorProfile | None
    changed: tuple[ChangedImage, ...]
    gates: tuple[GateResult, ...]
    notes: tuple[str, ...]


def measure(
    files: Sequence[OpenedFile],
    data: DataBundle,
    settings: VerifySettings,
    *,
    observer: Observer,
    should_stop: Callable[[], int | None] = lambda: None,
) -> Measured:
    """Measure every file; the original and the candidate are found by their roles.

    Args:
        files: one original, one candidate, any number of extra rows.
        data: the images; the test split decides.
        settings: what and how long.
        observer: receives progress.
        should_stop: returns a signal's number once a stop was asked for.

    Raises:
        InterruptedRun: a stop was asked for.
        UsageError: gates are set for a row that does not exist.
        BadInputError: the original has nothing to count.
        OnnxFileError: onnxruntime cannot run a file.
    """
    check_countable(files)
    check_judged(files, settings)
    ticks = Ticks(observer, should_stop)
    answers = {}
    for file in files:
        ticks.now(f"accuracy of {file.label}")
        answers[file.label] = classify(file.spec, data, batch_size=_PREDICT_BATCH, threads=max(settings.threads))
    latency = tuple(time_pairs(files, settings, ticks))
    original, candidate = (by_role(files, role) for role in ("original", "candidate"))
    rows = tuple(_row(file, original, answers, data) for file in files)
    ticks.now("time per layer")
    return Measured(
        networks=rows,
        latency=latency,
        operators=_operators(original, candidate, settings),
        changed=changed_images(data, answers[original.label], answers[candidate.label]),
        gates=_gates(rows, latency, settings),
        notes=never_answered(answers, data.test.labels.numpy(), data.classes),
    )


def check_countable(files: Sequence[OpenedFile]) -> None:
    """Raise BadInputError if the original has no MACs or no weights: no share of them can be computed."""
    original = by_role(files, "original").record
    if not original.macs or not original.parameters:
        raise BadInputError(
            f"expected a network with weights and multiply-accumulates, {original.file} has {original.parameters} and "
            f"{original.macs}: no convolution or matrix product was found in its graph"
        )


def check_judged(files: Sequence[OpenedFile], settings: VerifySettings) -> None:
    """Raise UsageError if the gates name no row or the original, or limit a latency that is not measured."""
    labels = [file.label for file in files if file.record.role != "original"]
    judged = settings.judged
    if judged is not None and judged not in labels:
        raise UsageError(f"expected one of the rows {', '.join(labels)} for the gates, got {judged!r}")
    timed = {second for _first, second in pairs_to_time([file.record for file in files])}
    if judged is not None and judged not in timed and settings.gates.on_latency:
        raise UsageError(f"{judged} has the original's layers and is not timed: drop its gates of latency")


def count_steps(files: Sequence[OpenedFile], settings: VerifySettings) -> int:
    """The largest number of steps that the observer receives."""
    timings = len(pairs_to_time([file.record for file in files])) * len(settings.batch_sizes) * len(settings.threads)
    return len(files) + timings + 1


def _row(file: OpenedFile, original: OpenedFile, answers: Mapping[str, np.ndarray], data: DataBundle) -> NetworkRow:
    record, spec, first = file.record, file.spec, original.record
    labels_N = data.test.labels.numpy()
    mine, theirs = answers[file.label], answers[original.label]
    is_original = file is original
    return NetworkRow(
        **dict(record),
        signature=spec.signature,
        preprocessing=spec.preparation.in_words(),
        kept_macs=record.macs / first.macs,
        kept_parameters=record.parameters / first.parameters,
        accuracy=measure_accuracy(mine, labels_N),
        drop=None if is_original else measure_drop(theirs, mine, labels_N),
        comparison=None if is_original else compare_answers(theirs, mine, labels_N),
        source_drop=None if record.source is None else measure_drop(answers[record.source], mine, labels_N),
        memory=measure_memory(spec.runnable, batch_size=spec.signature.batch or 1, threads=1),
    )


def _operators(original: OpenedFile, candidate: OpenedFile, settings: VerifySettings) -> OperatorProfile | None:
    """The profile of both at one batch size; ``None`` where their fixed batch sizes differ."""
    batch_size = shared_batch(original.spec.signature, candidate.spec.signature)
    if batch_size is None:
        return None
    return profile_operators(
        original.spec.runnable,
        candidate.spec.runnable,
        batch_size=batch_size,
        native_block=native_block(),
        seed=settings.seed,
    )


def _gates(
    rows: Sequence[NetworkRow], latency: Sequence[LatencyRow], settings: VerifySettings
) -> tuple[GateResult, ...]:
    original = next(row for row in rows if row.role == "original")
    row = next(row for row in rows if row.label == settings.judged or (not settings.judged and row.role == "candidate"))
    timings = [pair.comparison for pair in latency if (pair.original, pair.candidate) == (original.label, row.label)]
    timing = min(timings, key=lambda one: (one.batch_size, one.threads), default=None)
    assert row.drop is not None
    return judge(
        settings.gates, network=row.label, drop=row.drop, timing=timing, size_bytes=row.size_bytes, macs=row.macs
    )
