"""The race in sentences: who won, by how much, and what so few seeds can say."""

from collections.abc import Iterator

from compress.report import figures
from compress.report.race.model import RaceReport
from compress.report.race.standings import Duel, Standing, find_standings


def headlines(report: RaceReport) -> tuple[str, ...]:
    """A sentence a budget, whoever won."""
    standings = [standing for standing in find_standings(report) if standing.top1 is not None]
    shares = dict.fromkeys(standing.keep_macs for standing in standings)
    return tuple(_headline(report, [one for one in standings if one.keep_macs == share]) for share in shares)


def notes(report: RaceReport) -> tuple[str, ...]:
    """What the reader has to know."""
    return (*_terms(report), *_seeds(report), *_missing(report))


def _headline(report: RaceReport, standings: list[Standing]) -> str:
    first = standings[0]
    assert first.top1 is not None
    said = f"At {100 * first.keep_macs:.6g} % of the MACs {first.method} is first: {first.top1.mean:.2f} % Top-1"
    if len(standings) == 1:
        return f"{said}; nothing else has finished."
    leader = next((one for one in standings if one.method == report.leader), None)
    if leader is None:
        return f"{said}; {report.leader} has not finished."
    if leader is first:
        second = next(one for one in standings if one is not first)
        return f"{said}; next is {second.method}{_duel_words(second.duel, report.leader)}."
    place = 1 + standings.index(leader)
    assert leader.top1 is not None
    behind = f"{report.leader} is number {place} of {len(standings)} with {leader.top1.mean:.2f} %"
    return f"{said}{_duel_words(first.duel, report.leader)}; {behind}."


def _duel_words(duel: Duel | None, leader: str) -> str:
    """By how much a method is ahead of the leader or behind it, in how many seeds, and how sure that is."""
    if duel is None:
        return ""
    mean = duel.points.mean
    side = "ahead of" if mean > 0 else "behind"
    agreeing = sum(value * mean > 0 for value in duel.points.values)
    seeds = f"in {agreeing} of {figures.plural(len(duel.points.values), 'seed')}"
    if mean == 0:
        return f", level with {leader}"
    sure = f"; 95 % t-interval {figures.signed_span(*duel.points.interval)}" if duel.points.interval else ""
    return f", {abs(mean):.2f} points {side} {leader} ({seeds}{sure}; p {figures.probability(duel.p)})"


def _terms(report: RaceReport) -> Iterator[str]:
    """What was equal."""
    images = f" on {report.data.name}, {figures.plural(report.data.test, 'test image')}" if report.data else ""
    yield (
        f"{report.config['arch']}{images}. All cells of a seed start from the same trained network, "
        "prune the same units to the same budget and alignment, and are trained for as many epochs in all; "
        "the original beside them is the unpruned network, trained for as long."
    )


def _seeds(report: RaceReport) -> Iterator[str]:
    count = len({cell.seed for cell in report.cells})
    if count == 1:
        yield "One seed: another one may turn any of these differences round."
        return
    yield (
        f"With {count} seeds, two equal methods still differ the same way in every seed once in {2 ** (count - 1)} "
        "times. p is about these networks and chance in the test images, not about other seeds."
    )


def _missing(report: RaceReport) -> Iterator[str]:
    """Why cells have no result, one line for each reason of a method."""
    reasons: dict[tuple[str, str, str], list[str]] = {}  # (method, outcome, reason) -> cells
    for cell in report.cells:
        if cell.outcome not in ("finished", "waiting"):
            reasons.setdefault((cell.method, cell.outcome, cell.reason), []).append(cell.folder.rpartition("/")[2])
    for (method, outcome, reason), names in reasons.items():
        where = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        yield f"{method}: {outcome} ({where}): {reason}"
    waiting = sum(cell.outcome == "waiting" for cell in report.cells)
    if waiting:
        yield f"{figures.plural(waiting, 'cell')} of {len(report.cells)} still to run."
