"""Which files of a report are timed against which, and their times."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from compress.report.model import LatencyRow
from compress.runs.file_records import FileRecord
from compress.settings.verify import VerifySettings
from compress.verdict.open_files import OpenedFile
from exporters.measure.calls import compare_latency
from exporters.read.signature import shared_batch


def time_pairs(
    files: Sequence[OpenedFile], settings: VerifySettings, begin: Callable[[str], None]
) -> Iterator[LatencyRow]:
    """Every pair at every thread count and every batch size that both files take; ``begin`` hears of each before."""
    specs = {file.record.label: file.spec for file in files}
    provider = settings.find_provider()
    for first, second in pairs_to_time([file.record for file in files]):
        both = specs[first], specs[second]
        runnables = [replace(spec.runnable, provider=provider) for spec in both]
        sizes = [size for size in settings.batch_sizes if all(spec.takes_batch(size) for spec in both)]
        shared = shared_batch(*(spec.signature for spec in both))
        for batch_size in sizes or ([] if shared is None else [shared]):
            for threads in settings.threads:
                begin(f"latency of {second} against {first}, batch {batch_size}, threads {threads}")
                comparison = compare_latency(
                    *runnables, batch_size=batch_size, threads=threads, settings=settings.latency
                )
                yield LatencyRow(original=first, candidate=second, comparison=comparison)


def pairs_to_time(files: Sequence[FileRecord]) -> list[tuple[str, str]]:
    """What is timed: the candidate and every file made from another file.

    Each against the original, against its source, and the candidate's variants (INT8, ...) against the
    original's: the gain from pruning is known with and without quantisation. Other extra rows (the original
    trained on, the paper's (F)) have the original's layers: its time is theirs.
    """
    original, candidate = (
        next(file.label for file in files if file.role == role) for role in ("original", "candidate")
    )
    labels = {file.label for file in files}
    pairs: dict[tuple[str, str], None] = {}
    for file in files:
        if file.role == "original" or (file.role == "extra" and file.source is None):
            continue
        twin = original + file.label.removeprefix(candidate)
        against = (original, file.source, twin if file.label.startswith(candidate) else None)
        pairs |= {(label, file.label): None for label in against if label in labels}
    return list(pairs)
