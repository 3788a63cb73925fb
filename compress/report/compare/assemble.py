"""Several reports side by side in one comparison, if they were measured in the same way."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from compress.errors import UsageError
from compress.report import figures
from compress.report.compare import comparison
from compress.report.compare.comparison import (
    ComparedDevice,
    ComparedRow,
    ComparedRun,
    Difference,
    RowLatency,
    RunComparison,
    with_fronts,
)
from compress.report.model import NetworkRow, Report
from compress.report.timings import Setting, on_provider, setting_of, timing_at

UNSTATED: Final = "not stated"
_DRIFT: Final = 1.05  # where medians of one file differ by a larger factor, the machine was not equally fast


def compare_reports(sources: Sequence[tuple[str, Report]], *, force: bool = False) -> RunComparison:
    """Put reports side by side; ``sources`` are names, which differ, and reports.

    UsageError for fewer than two, or if their protocols differ: with ``force`` every row states the differences.
    """
    if len(sources) < 2:
        raise UsageError(f"expected two or more runs to compare, got {len(sources)}")
    names = {_key(number): name for number, (name, _report) in enumerate(sources)}
    reports = {_key(number): report for number, (_name, report) in enumerate(sources)}
    protocols = {key: protocol_of(report) for key, report in reports.items()}
    unlike = differences(protocols)
    if unlike and not force:
        raise UsageError(_refusal(names, unlike))
    measured = [{setting_of(row.comparison) for row in report.latency} for report in reports.values()]
    setting = min(set.intersection(*measured), default=None)  # the smallest batch and fewest threads that all have
    rows = with_fronts(list(_rows(reports, protocols, unlike, setting)))
    runs = (
        ComparedRun(
            key=key,
            name=names[key],
            created=report.created,
            compress_version=report.compress_version,
            arch=None if report.run is None else str(report.run.config.get("arch", "network")),
            dataset=report.data.name,
            image_size=report.data.image_size,
        )
        for key, report in reports.items()
    )
    return RunComparison(
        runs=tuple(runs),
        setting=None if setting is None else comparison.Setting(**setting._asdict()),
        unlike=unlike,
        rows=rows,
        notes=tuple(_notes(reports, rows, setting)),
        devices=tuple(_devices(reports)),
    )


def protocol_of(report: Report) -> dict[str, str]:
    """Everything that influences accuracy or latency and is not a property of the networks: fact -> value.

    Virtual machines with the same processor name can differ in instruction sets and cores, so these are facts too. The
    image size is not: a network for smaller images is a trade-off like any other.
    """
    environment = report.environment
    threads = sorted({row.comparison.threads for row in report.latency})
    return {
        "data": f"{report.data.test:,} test images, sha256 {report.data.test_fingerprint[:16]}",
        "processor": _stated(environment, "cpu", "model"),
        "instruction sets": _stated(environment, "cpu", "isa"),
        "cores": _stated(environment, "cpu", "cores"),
        "threads": ", ".join(map(str, threads)) or "latency was not measured",
        "onnxruntime": _stated(environment, "packages", "onnxruntime"),
        **{f"session, {option}": value for option, value in report.session.items()},
    }


def differences(protocols: Mapping[str, Mapping[str, str]]) -> tuple[Difference, ...]:
    """The facts that differ between protocols; ``protocols`` is keyed by report."""
    facts = dict.fromkeys(fact for protocol in protocols.values() for fact in protocol)
    values = {fact: {key: protocol.get(fact, UNSTATED) for key, protocol in protocols.items()} for fact in facts}
    return tuple(Difference(fact=fact, values=by_key) for fact, by_key in values.items() if len({*by_key.values()}) > 1)


def _stated(facts: JsonValue, *names: str) -> str:
    for name in names:
        facts = facts.get(name) if isinstance(facts, dict) else None
    if isinstance(facts, list):
        return " ".join(map(str, facts))
    return UNSTATED if facts is None else str(facts)


def _key(number: int) -> str:
    """A, B, ..., Z, AA, AB, ...: like the columns of a spreadsheet."""
    above, letter = divmod(number, 26)
    return (_key(above - 1) if above else "") + chr(ord("A") + letter)


def _refusal(names: Mapping[str, str], unlike: Sequence[Difference]) -> str:
    lines = ["expected reports of one protocol, got measurements that cannot be compared:"]
    for difference in unlike:
        lines.append(f"  {difference.fact}:")
        for value in dict.fromkeys(difference.values.values()):
            runs = [names[key] for key, other in difference.values.items() if other == value]
            lines.append(f"    {value}: {', '.join(runs)}")
    lines.append("measure all on one machine with compress verify, or use --force, which marks every row")
    return "\n".join(lines)


def _rows(
    reports: Mapping[str, Report],
    protocols: Mapping[str, Mapping[str, str]],
    unlike: Sequence[Difference],
    setting: Setting | None,
) -> Iterator[ComparedRow]:
    """Every network; an original that several reports measured in the same way is one row."""
    for key, report in reports.items():
        for network in report.networks:
            runs: tuple[str, ...] = (key,)
            if network.role == "original":
                alike = [other for other in reports if protocols[other] == protocols[key]]
                runs = tuple(other for other in alike if reports[other].original.sha256 == network.sha256)
            if runs[0] != key:
                continue
            yield ComparedRow(
                runs=runs,
                network=network.label,
                role=network.role,
                sha256=network.sha256,
                precision=network.precision,
                top1=network.accuracy.top1,
                drop=network.drop,
                latency=_latency(report, network, setting),
                macs=network.macs,
                parameters=network.parameters,
                size_bytes=network.size_bytes,
                fronts=(),
                unlike={difference.fact: difference.values[key] for difference in unlike},
            )


def _latency(report: Report, network: NetworkRow, setting: Setting | None) -> RowLatency | None:
    """A network's latency at the setting; ``None`` if its report has none."""
    original = report.original.label
    is_original = network.label == original
    label = report.candidate.label if is_original else network.label
    found = timing_at(report, label, against=original, setting=setting)
    if found is None:
        return None
    timing = found.original if is_original else found.candidate
    values: dict[str, Any] = {name: getattr(timing, name) for name in ("p50_ms", "p50_low_ms", "p50_high_ms")}
    for name in ("ratio", "ratio_low", "ratio_high"):
        values[name] = None if is_original else getattr(found, name)
    return RowLatency(**values, noisy=found.noisy)


def _devices(reports: Mapping[str, Report]) -> Iterator[ComparedDevice]:
    """Every timing of every device that measured a report's files."""
    for key, report in reports.items():
        for device in report.devices:
            for one in device.timings:
                result = one.comparison
                yield ComparedDevice(
                    run=key,
                    device=device.name,
                    candidate=one.candidate,
                    original=one.original,
                    batch_size=result.batch_size,
                    threads=result.threads,
                    p50_ms=result.candidate.p50_ms,
                    ratio=result.ratio,
                    ratio_low=result.ratio_low,
                    ratio_high=result.ratio_high,
                    noisy=result.noisy,
                    passed=all(file.answers.passed for file in device.files),
                )


def _notes(reports: Mapping[str, Report], rows: Sequence[ComparedRow], setting: Setting | None) -> Iterator[str]:
    if setting is None:
        yield "No latencies: the reports have no batch size and thread count in common."
    else:
        yield "Times of different runs were not measured in turn; each ratio was, against the run's own original."
    if elsewhere := {key: found for key, report in reports.items() if (found := on_provider(report, ""))}:
        listed = ", ".join(f"{key} {provider}" for key, provider in elsewhere.items())
        yield f"Answers and times of another execution provider than the CPU: {listed}."
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
        timed = {key: _latency(reports[key], reports[key].original, setting) for key in row.runs}
        medians = {key: latency.p50_ms for key, latency in timed.items() if latency is not None}
        if medians and max(medians.values()) > _DRIFT * min(medians.values()):
            times = ", ".join(f"{figures.milliseconds(median)} ms in {key}" for key, median in medians.items())
            yield f"The machine was not equally fast: the same original took {times}. Compare ratios, not milliseconds."
    noisy = [row.label for row in rows if row.latency is not None and row.latency.noisy]
    if noisy:
        yield f"Noisy timing: {'; '.join(noisy)}."
