"""The race in sentences: who won, by how much, and what so few seeds can say."""

from collections.abc import Iterator

from compress.report import figures
from compress.report.race.model import RaceReport
from compress.report.race.standings import CLEAR, MOST_VALUES, Duel, Standing, find_standings
from compress.report.race.terms import terms


def headlines(report: RaceReport) -> tuple[str, ...]:
    """A sentence a budget, whoever won."""
    standings = [standing for standing in find_standings(report) if standing.top1 is not None]
    shares = dict.fromkeys(standing.keep_macs for standing in standings)
    return tuple(_headline(report, [one for one in standings if one.keep_macs == share]) for share in shares)


def notes(report: RaceReport) -> tuple[str, ...]:
    """What the reader has to know."""
    return (*terms(report), *_seeds(report), *_missing(report))


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
    """By how much a method is ahead of the leader or behind it, seed by seed."""
    if duel is None:
        return ""
    mean = duel.points.mean
    side = "ahead of" if mean > 0 else "behind"
    apart = f"{abs(mean):.2f} points {side} {leader}" if mean else f"level with {leader}"
    split = ": the seeds disagree" if duel.disagrees else ""
    return f", {apart} ({_by_seed(duel)}{split})"


def _by_seed(duel: Duel) -> str:
    """Every seed with its own test, or the interval over seeds where there are enough for one."""
    points = duel.points
    if points.interval is None:
        each = [
            f"{figures.signed(value)}, p {figures.probability(p)}"
            for value, p in zip(points.values, duel.chances, strict=True)
        ]
        return (
            f"by seed {' and '.join(each)}" if len(each) > 1 else f"one seed, p {figures.probability(duel.chances[0])}"
        )
    ahead = sum(value > 0 for value in points.values)
    interval = figures.signed_span(*points.interval)
    return f"ahead in {ahead} of {len(points.values)} seeds, 95 % t-interval over seeds {interval}"


def _seeds(report: RaceReport) -> Iterator[str]:
    """What so few seeds can say, and where they contradict each other."""
    duels = [(one, one.duel) for one in find_standings(report) if one.duel is not None]
    tests = sum(len(duel.chances) for _one, duel in duels)
    count = len({cell.seed for cell in report.cells})
    if count == 1:
        yield "One seed: another one may turn any of these differences round."
    else:
        few = "" if count > MOST_VALUES else ", too few for an interval"
        yield (
            f"{count} seeds{few}: two equal methods still differ the same way in every seed "
            f"once in {2 ** (count - 1)} times."
        )
    if tests:
        yield (
            f"p, and what is clear (p below {CLEAR}), are of McNemar's exact test on two networks of one seed: whether "
            "chance in the test images alone could make their difference. Another seed is another pair of networks, "
            f"of which that says nothing. Of {figures.plural(tests, 'test')} between equals one in 20 is clear."
        )
    for one, duel in duels:
        if duel.disagrees:
            yield (
                f"At {100 * one.keep_macs:.6g} % of the MACs the seeds disagree on {one.method}: clearly ahead of "
                f"{report.leader} in {duel.ahead}, clearly behind in {duel.behind}."
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
