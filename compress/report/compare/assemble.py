"""Several reports side by side in one comparison, if they were measured in the same way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from compress.errors import UsageError
from compress.report import figures
from compress.report.compare.comparison import ComparedRow, ComparedRun, RunComparison, Setting
from compress.report.compare.protocol import Difference, differences, protocol_of
from compress.report.compare.rows import common_setting, compared_rows, latency_of
from compress.report.model import Report

_DRIFT: Final = 1.05
"""If the medians of one file differ by more than this factor between runs, the machine was not equally fast."""


@dataclass(frozen=True)
class Source:
    """A report and its name for the user."""

    name: str
    report: Report


def compare_reports(sources: Sequence[Source], *, force: bool = False) -> RunComparison:
    """Put reports side by side.

    Args:
        sources: two or more, with different names.
        force: compare different protocols too; every row then states the differences.

    Raises:
        UsageError: fewer than two reports, or protocols that differ.
    """
    if len(sources) < 2:
        raise UsageError(f"expected two or more runs to compare, got {len(sources)}")
    reports = {_key(number): source.report for number, source in enumerate(sources)}
    unlike = differences({key: protocol_of(report) for key, report in reports.items()})
    if unlike and not force:
        raise UsageError(_refusal(sources, unlike))
    setting = common_setting(tuple(reports.values()))
    rows = compared_rows(reports, setting)
    return RunComparison(
        runs=tuple(_run(_key(number), source) for number, source in enumerate(sources)),
        setting=setting,
        unlike=unlike,
        rows=rows,
        notes=tuple(_notes(reports, rows, setting)),
    )


def _key(number: int) -> str:
    """A, B, ..., Z, AA, AB, ...: like the columns of a spreadsheet."""
    above, letter = divmod(number, 26)
    return (_key(above - 1) if above else "") + chr(ord("A") + letter)


def _refusal(sources: Sequence[Source], unlike: Sequence[Difference]) -> str:
    names = {_key(number): source.name for number, source in enumerate(sources)}
    lines = []
    for difference in unlike:
        by_value: dict[str, list[str]] = {}
        for key, value in difference.values.items():
            by_value.setdefault(value, []).append(names[key])
        lines.append(f"  {difference.fact}:")
        lines += [f"    {value}: {', '.join(runs)}" for value, runs in by_value.items()]
    return (
        "expected reports of one protocol, got measurements that cannot be compared:\n"
        + "\n".join(lines)
        + "\nmeasure all on one machine with compress verify, or use --force, which marks every row"
    )


def _run(key: str, source: Source) -> ComparedRun:
    report = source.report
    return ComparedRun(
        key=key,
        name=source.name,
        created=report.created,
        compress_version=report.compress_version,
        arch=None if report.run is None else str(report.run.config.get("arch", "network")),
        dataset=report.data.name,
        image_size=report.data.image_size,
    )


def _notes(reports: Mapping[str, Report], rows: Sequence[ComparedRow], setting: Setting | None) -> Iterator[str]:
    if setting is None:
        yield "No latencies: the reports have no batch size and thread count in common."
    else:
        yield "Times of different runs were not measured in turn; each ratio was, against the run's own original."
    originals = [row for row in rows if row.role == "original"]
    if len(originals) > 1:
        yield "Changes, ratios and the front over latency are against each run's own original; these files differ."
    if len({row.macs for row in originals}) > 1:
        work = ", ".join(f"{row.label} {figures.count(row.macs)}" for row in originals)
        yield f"The originals differ in cost, so the front over latency compares shares, not times: MACs {work}."
    for name, values in (
        ("Image sizes", {key: str(report.data.image_size) for key, report in reports.items()}),
        ("Versions of compress", {key: report.compress_version for key, report in reports.items()}),
    ):
        if len(set(values.values())) > 1:
            yield f"{name} differ: {', '.join(f'{key} {value}' for key, value in values.items())}."
    for row in rows:
        if len(row.runs) > 1:
            yield from _drift(row, reports, setting)
    noisy = [row.label for row in rows if row.latency is not None and row.latency.noisy]
    if noisy:
        yield f"Noisy timing: {'; '.join(noisy)}."


def _drift(shared: ComparedRow, reports: Mapping[str, Report], setting: Setting | None) -> Iterator[str]:
    """A warning if a file that several reports timed was not equally fast in all of them."""
    timed = {key: latency_of(reports[key], reports[key].original, setting) for key in shared.runs}
    medians = {key: latency.p50_ms for key, latency in timed.items() if latency is not None}
    if medians and max(medians.values()) > _DRIFT * min(medians.values()):
        times = ", ".join(f"{figures.milliseconds(median)} ms in {key}" for key, median in medians.items())
        yield f"The machine was not equally fast: the same original took {times}. Compare ratios, not milliseconds."
