"""The rows of a comparison: every network once, with its cost and its Pareto fronts."""

from collections.abc import Mapping, Sequence

from compress.report.compare.comparison import COSTS, ComparedRow, Cost, RowLatency, Setting
from compress.report.compare.pareto import Priced, Span, on_front
from compress.report.compare.protocol import differences, protocol_of
from compress.report.model import NetworkRow, Report
from exporters.measure.latency_results import LatencyComparison


def common_setting(reports: Sequence[Report]) -> Setting | None:
    """The smallest batch size with the fewest threads that every report measured."""
    measured = [{_setting(row.comparison) for row in report.latency} for report in reports]
    common = set.intersection(*measured)
    return min(common, key=lambda setting: (setting.batch_size, setting.threads), default=None)


def _setting(comparison: LatencyComparison) -> Setting:
    return Setting(batch_size=comparison.batch_size, threads=comparison.threads)


def compared_rows(reports: Mapping[str, Report], setting: Setting | None) -> tuple[ComparedRow, ...]:
    """Every network, in the order of the reports."""
    protocols = {key: protocol_of(report) for key, report in reports.items()}
    unlike = differences(protocols)
    rows = []
    for key, report in reports.items():
        for network in report.networks:
            runs = _sharing(key, reports, protocols) if network.role == "original" else (key,)
            if runs[0] == key:
                values = {difference.fact: difference.values[key] for difference in unlike}
                rows.append(_row(runs, network, latency=latency_of(report, network, setting), unlike=values))
    return _with_fronts(rows)


def _sharing(key: str, reports: Mapping[str, Report], protocols: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Keys of the reports that measured the same original in the same way; it gets one row."""
    ours = reports[key].original.sha256
    return tuple(
        other
        for other, report in reports.items()
        if report.original.sha256 == ours and protocols[other] == protocols[key]
    )


def _row(
    runs: tuple[str, ...], network: NetworkRow, *, latency: RowLatency | None, unlike: dict[str, str]
) -> ComparedRow:
    return ComparedRow(
        runs=runs,
        network=network.label,
        role=network.role,
        sha256=network.sha256,
        precision=network.precision,
        top1=network.accuracy.top1,
        drop=network.drop,
        latency=latency,
        macs=network.macs,
        parameters=network.parameters,
        size_bytes=network.size_bytes,
        fronts=(),
        unlike=unlike,
    )


def latency_of(report: Report, network: NetworkRow, setting: Setting | None) -> RowLatency | None:
    """A network's latency at the setting; ``None`` if its report has none."""
    original = report.original.label
    is_original = network.label == original
    against = report.candidate.label if is_original else network.label
    timings = report.timings(against, against=original)
    found = next((timing for timing in timings if _setting(timing) == setting), None)
    if found is None:
        return None
    timing = found.original if is_original else found.candidate
    ratio, low, high = (None,) * 3 if is_original else (found.ratio, found.ratio_low, found.ratio_high)
    return RowLatency(
        p50_ms=timing.p50_ms,
        p50_low_ms=timing.p50_low_ms,
        p50_high_ms=timing.p50_high_ms,
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        noisy=found.noisy,
    )


def _with_fronts(rows: Sequence[ComparedRow]) -> tuple[ComparedRow, ...]:
    fronts: list[list[Cost]] = [[] for _ in rows]
    for cost, value_of in COSTS.items():
        priced = [(place, value) for place, row in enumerate(rows) if (value := value_of(row)) is not None]
        best = on_front([Priced(value, _accuracy(rows[place])) for place, value in priced])
        for (place, _value), is_best in zip(priced, best, strict=True):
            if is_best:
                fronts[place].append(cost)
    return tuple(row.model_copy(update={"fronts": tuple(on)}) for row, on in zip(rows, fronts, strict=True))


def _accuracy(row: ComparedRow) -> Span:
    return row.top1.value, row.top1.low, row.top1.high
