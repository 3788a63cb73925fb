"""The race as one table of plain strings; the terminal, Markdown and the page show the same one."""

from typing import Final

from compress.report import figures
from compress.report.race.model import RaceReport
from compress.report.race.standings import Duel, Spread, Standing, find_standings, original_results
from compress.report.sections import Table

_DASH: Final = "-"


def race_table(report: RaceReport) -> Table:
    """A row a method and budget, best first; the original that was trained for as long above them."""
    rows = [_row(standing) for standing in find_standings(report)]
    return Table(
        title=_title(report),
        columns=("method", "MACs", "Top-1", "seeds", "lost", "against", "clear", "faster", "params", "min"),
        rows=(*_original(report), *rows),
        words=frozenset({"seeds"}),
    )


def _title(report: RaceReport) -> str:
    timings = [cell.result.timing for cell in report.cells if cell.result and cell.result.timing]
    timed = f", {figures.setting(timings[0].batch_size, timings[0].threads)}" if timings else ""
    return (
        "Race (MACs and parameters kept and Top-1 in percent; Top-1: mean over seeds; seeds: its 95 % t-interval, or "
        "up to two values themselves; lost: points against the original of the same seed, trained for as "
        f"long; against: points more than {report.leader}, likewise; clear: seeds in which that is more than chance "
        "in the test images, 2+ 1-: ahead in two, behind in one; "
        f"faster: times as fast as the original{timed}; min: minutes of such a run without export and verdict)"
    )


def _original(report: RaceReport) -> tuple[tuple[str, ...], ...]:
    results = original_results(report)
    if not results:
        return ()
    top1 = Spread(tuple(100 * result.original_top1.value for result in results))
    seconds = [sum(result.seconds.get(stage, 0.0) for stage in ("01_baseline", "02_original")) for result in results]
    minutes = Spread(tuple(taken / 60 for taken in seconds)).mean
    row = ("original", "100.0", _two(top1.mean), _spread_words(top1), "0.00", _DASH, _DASH, "1.00x", "100.0")
    return ((*row, _one(minutes)),)


def _row(standing: Standing) -> tuple[str, ...]:
    if standing.top1 is None:
        return standing.method, _DASH, _DASH, standing.cells[0].outcome, *[_DASH] * 6
    duel, ratio = standing.duel, standing.ratio
    return (
        standing.method,
        _one(100 * standing.kept_macs),
        _two(standing.top1.mean),
        _spread_words(standing.top1) + _missing(standing),
        _two(standing.lost.mean),
        _against(duel) if duel else _DASH,
        _clear(duel) if duel else _DASH,
        f"{ratio.mean:.2f}x" if ratio else _DASH,
        _one(100 * standing.kept_parameters),
        _one(standing.minutes),
    )


def _spread_words(spread: Spread) -> str:
    """Half the interval over seeds, or the values where there are too few for one."""
    if spread.interval is None:
        return ", ".join(_two(value) for value in spread.values)
    low, high = spread.interval
    return f"± {(high - low) / 2:.2f}"


def _against(duel: Duel) -> str:
    """Points by seed, or their mean and half its interval."""
    points = duel.points
    if points.interval is None:
        return ", ".join(f"{value:+.2f}" for value in points.values)
    return f"{points.mean:+.2f} {_spread_words(points)}"


def _clear(duel: Duel) -> str:
    """2+ 1-, or 0 where no seed is clear."""
    sides = (f"{duel.ahead}+" if duel.ahead else "", f"{duel.behind}-" if duel.behind else "")
    return " ".join(side for side in sides if side) or "0"


def _missing(standing: Standing) -> str:
    """What became of the seeds without a result."""
    lacking = [cell.outcome for cell in standing.cells if cell.result is None]
    return "".join(f"; {lacking.count(outcome)} {outcome}" for outcome in dict.fromkeys(lacking))


def _one(value: float) -> str:
    return f"{value:.1f}"


def _two(value: float) -> str:
    """Two decimals; no minus before a zero."""
    return f"{round(value, 2) + 0.0:.2f}"
