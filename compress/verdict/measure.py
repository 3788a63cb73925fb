"""Measure files: accuracy, latency, memory, time per layer; the report of all that.

On another provider than the CPU there is no time per layer: it runs many layers as one node, or beside the profiler.

Axes: N images, K classes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from compress.data.bundle import DataBundle
from compress.environment import native_block
from compress.errors import BadInputError, InterruptedRun, UsageError
from compress.exporter_faults import as_bad_input
from compress.observer import Observer
from compress.report.model import DataFacts, LatencyRow, NetworkRow, Report
from compress.report.results import GateResult
from compress.settings.verify import VerifySettings
from compress.verdict.accuracy import measure_accuracy, measure_drop
from compress.verdict.chance import chance_note
from compress.verdict.changed_answers import changed_images, compare_answers, never_answered
from compress.verdict.classify import classify, place, placement_notes
from compress.verdict.gates import judge, judge_int8
from compress.verdict.open_files import OpenedFile, by_role
from compress.verdict.time_pairs import pairs_to_time, time_pairs
from compress.version import __version__
from exporters.measure.memory import measure_memory
from exporters.measure.profile import OperatorProfile, profile_operators
from exporters.read.onnx_file import read_onnx
from exporters.read.session import CPU_PROVIDER, SESSION_FACTS
from exporters.read.signature import shared_batch


class Progress:
    """Reports each measurement to the observer as it begins, unless a stop was asked for."""

    def __init__(self, observer: Observer, should_stop: Callable[[], int | None] = lambda: None) -> None:
        self._observer = observer
        self._should_stop = should_stop
        self._done = 0

    def begin(self, what: str) -> None:
        """Report ``what``; InterruptedRun if a stop was asked for."""
        signal_number = self._should_stop()
        if signal_number is not None:
            raise InterruptedRun("stopped", signal_number=signal_number)
        self._done += 1
        self._observer.step(self._done, images=0, values={"now": what})


def measure(
    files: Sequence[OpenedFile],
    data: DataBundle,
    settings: VerifySettings,
    progress: Progress,
    *,
    name: str,
    environment: dict[str, Any],
    notes: Iterable[str],
) -> Report:
    """Measure every file on the test split; the report has no facts of a run yet.

    ``files`` are one original, one candidate, any number of extra rows; ``notes`` are besides those on the data
    set and the answers; ``progress`` receives ``count_steps`` steps at most. InterruptedRun if a stop was asked for,
    UsageError if gates are set for a row that does not exist, BadInputError if the original has nothing to count,
    OnnxFileError if onnxruntime cannot run a file. A file that changed meanwhile is a BadInputError.
    """
    _check(files, settings)
    provider = settings.find_provider()
    answers: dict[str, np.ndarray] = {}  # label of each file -> its logits [N, K]
    for file in files:
        progress.begin(f"accuracy of {(label := file.record.label)}")
        answers[label] = classify(file.spec, data, threads=max(settings.threads), provider=provider)
    latency = tuple(time_pairs(files, settings, progress.begin))
    original, candidate = (by_role(files, role) for role in ("original", "candidate"))
    rows = tuple(_row(file, original, answers, data, settings) for file in files)
    progress.begin("time per layer")
    failed = _chance_notes(rows, data)
    missing = never_answered(answers, data.test.labels.numpy(), data.classes)
    report = Report(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        compress_version=__version__,
        name=name,
        environment=environment,
        session={**SESSION_FACTS, "provider": provider},
        data=_data_facts(data),
        networks=rows,
        latency=latency,
        operators=_operators(original, candidate, settings),
        changed=changed_images(data, answers[original.record.label], answers[candidate.record.label]),
        gates=_gates(rows, latency, settings),
        run=None,
        notes=tuple(dict.fromkeys((*data.notes, *placement_notes(rows, provider), *failed, *missing, *notes))),
    )
    for file in files:
        _check_unchanged(file)
    return report


def _check_unchanged(file: OpenedFile) -> None:
    """BadInputError unless a file is the one on record: every measurement reads it anew."""
    path, expected = file.spec.path, file.record.sha256
    with as_bad_input():
        found = read_onnx(path).sha256
    if found != expected:
        raise BadInputError(
            f"{path} changed while it was measured: expected sha256 {expected[:12]}, got {found[:12]}; try it again "
            "when nothing writes to it"
        )


def count_steps(files: Sequence[OpenedFile], settings: VerifySettings) -> int:
    """The largest number of steps that the observer receives."""
    timings = len(pairs_to_time([file.record for file in files])) * len(settings.batch_sizes) * len(settings.threads)
    return len(files) + timings + 1


def _check(files: Sequence[OpenedFile], settings: VerifySettings) -> None:
    """BadInputError if the original has no MACs or no weights to compute a share of.

    UsageError if the gates name no row or the original, or limit a latency that is not measured.
    """
    original = by_role(files, "original").record
    if not original.macs or not original.parameters:
        raise BadInputError(
            f"expected a network with weights and multiply-accumulates, {original.file} has {original.parameters} and "
            f"{original.macs}: no convolution or matrix product was found in its graph"
        )
    records, judged = [file.record for file in files], settings.judged
    labels = [record.label for record in records if record.role != "original"]
    if judged is not None and judged not in labels:
        raise UsageError(f"expected one of the rows {', '.join(labels)} for the gates, got {judged!r}")
    if settings.gates.max_int8_drop is not None and all(
        record.precision != "int8" or record.role == "original" for record in records
    ):
        judge_int8(settings.gates.max_int8_drop, {})
    timed = {second for _first, second in pairs_to_time(records)}
    if judged is not None and judged not in timed and settings.gates.on_latency:
        raise UsageError(f"{judged} has the original's layers and is not timed: drop its gates of latency")


def _row(
    file: OpenedFile,
    original: OpenedFile,
    answers: Mapping[str, np.ndarray],
    data: DataBundle,
    settings: VerifySettings,
) -> NetworkRow:
    record, spec, first = file.record, file.spec, original.record
    labels_N = data.test.labels.numpy()
    mine, theirs = answers[record.label], answers[first.label]
    is_original, provider = file is original, settings.find_provider()
    runnable = replace(spec.runnable, provider=provider)
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
        memory=measure_memory(runnable, batch_size=spec.signature.batch or 1, threads=1),
        placement=place(spec, data, mine, threads=max(settings.threads), provider=provider),
    )


def _chance_notes(rows: Sequence[NetworkRow], data: DataBundle) -> list[str]:
    """A note on each file that is no better than chance although the file it was made from, or the original, is."""
    by_label = {row.label: row for row in rows}
    original = next(row for row in rows if row.role == "original")
    notes: list[str] = []
    for row in rows:
        source = by_label.get(row.source or "", original)
        notes += chance_note(row.label, row.accuracy.top1, source.label, source.accuracy.top1, data.test.labels)
    return notes


def _operators(original: OpenedFile, candidate: OpenedFile, settings: VerifySettings) -> OperatorProfile | None:
    """The profile of both at one batch size; ``None`` where their fixed batch sizes differ, or off the CPU."""
    specs = original.spec, candidate.spec
    batch_size = shared_batch(*(spec.signature for spec in specs))
    if batch_size is None or settings.find_provider() != CPU_PROVIDER:
        return None
    files = (spec.runnable for spec in specs)
    return profile_operators(*files, batch_size=batch_size, native_block=native_block(), seed=settings.seed)


def _gates(
    rows: Sequence[NetworkRow], latency: Sequence[LatencyRow], settings: VerifySettings
) -> tuple[GateResult, ...]:
    original = next(row for row in rows if row.role == "original")
    row = next(row for row in rows if row.label == settings.judged or (not settings.judged and row.role == "candidate"))
    timings = [pair.comparison for pair in latency if (pair.original, pair.candidate) == (original.label, row.label)]
    timing = min(timings, key=lambda one: (one.batch_size, one.threads), default=None)
    assert row.drop is not None
    judged = judge(
        settings.gates, network=row.label, drop=row.drop, timing=timing, size_bytes=row.size_bytes, macs=row.macs
    )
    drops = {row.label: row.source_drop or row.drop for row in rows if row.precision == "int8"}
    return judged + judge_int8(
        settings.gates.max_int8_drop, {label: drop for label, drop in drops.items() if drop is not None}
    )


def _data_facts(data: DataBundle) -> DataFacts:
    shown = data.preprocessing
    return DataFacts(
        name=data.name,
        classes=data.classes,
        train=len(data.train),
        val=len(data.val),
        test=len(data.test),
        fingerprint=data.fingerprint,
        test_fingerprint=data.test_fingerprint,
        image_size=shown.image_size,
        channels=shown.channels,
        resize="before they were given" if data.prepared else shown.resize,
    )
