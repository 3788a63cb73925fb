"""The race in sentences: the winner of each budget, the conditions, and what the number of seeds can show."""

from collections.abc import Iterator
from typing import Final

from compress.report import figures
from compress.report.race.model import RaceCell, RaceReport
from compress.report.race.standings import MOST_VALUES, SIGNIFICANT, LeadOverSeeds, Standing, find_standings
from compress.settings.config import Method

_SCRATCH: Final[Method] = "scratch"  # the method that trains new weights in the shape that another method found
_EQUAL_WORK: Final = 0.02  # cells are at one budget if their MACs differ by at most this share,
_EQUAL_TIME: Final = 0.05  # or their speed, of which a latency model predicts about so much


def headlines(report: RaceReport) -> tuple[str, ...]:
    """For every budget a sentence on who is first."""
    finished = [[one for one in standings if one.results] for standings in find_standings(report).values()]
    return tuple(_headline(report, standings) for standings in finished if standings)


def notes(report: RaceReport) -> tuple[str, ...]:
    """The conditions of the race, what its seeds can show, and why cells have no result."""
    return (*conditions(report), *_seeds(report), *_missing(report))


def conditions(report: RaceReport) -> Iterator[str]:
    """How the cells were made: what was equal for all of them, and what was not."""
    images = f" on {report.data.name}, {figures.plural(report.data.test, 'test image')}" if report.data else ""
    yield (
        f"{report.config['arch']}{images}. All cells of a seed start from the same trained network, prune the same "
        "units to the same budget and alignment, and are trained for the same number of epochs in one schedule; the "
        "original is the unpruned network, trained for as many epochs."
    )
    if any(cell.method == _SCRATCH for cell in report.cells):
        yield (
            f"Only {_SCRATCH} starts from new weights: it trains the shape that {report.leader} found. The minutes of "
            "the run that found it are not included."
        )
    yield from _teacher(report)
    yield from _latency(report)
    yield from _unequal(report)


def _headline(report: RaceReport, standings: list[Standing]) -> str:
    first = standings[0]
    start = f"At {first.budget.words} {first.method} is first: {first.top1.mean:.2f} % Top-1"
    if len(standings) == 1:
        return f"{start}; nothing else has finished."
    leader = next((one for one in standings if one.method == report.leader), None)
    if leader is None:
        return f"{start}; {report.leader} has not finished."
    if leader is first:
        return f"{start}; next is {standings[1].method}{_difference(standings[1].lead, report.leader)}."
    place = f"{report.leader} is number {1 + standings.index(leader)} of {len(standings)}"
    return f"{start}{_difference(first.lead, report.leader)}; {place} with {leader.top1.mean:.2f} %."


def _difference(lead: LeadOverSeeds | None, leader: str) -> str:
    """How far a method is ahead of the leader or behind it, seed by seed."""
    if lead is None:
        return ""
    mean = lead.points.mean
    points = f"{abs(mean):.2f} points {'ahead of' if mean > 0 else 'behind'} {leader}"
    disagree = ": the seeds disagree" if lead.disagrees else ""
    return f", {points if mean else f'level with {leader}'} ({_by_seed(lead)}{disagree})"


def _by_seed(lead: LeadOverSeeds) -> str:
    """Every seed with its own test, or the interval over seeds if there are enough for one."""
    points = lead.points
    if points.interval is not None:
        ahead = sum(value > 0 for value in points.values)
        interval = figures.signed_span(*points.interval)
        return f"ahead in {ahead} of {len(points.values)} seeds, 95 % t-interval over seeds {interval}"
    if len(points.values) == 1:
        return f"one seed, p {figures.probability(lead.p_values[0])}"
    return "by seed " + " and ".join(
        f"{figures.signed(value)}, p {figures.probability(p)}" for value, p in lead.by_seed
    )


def _teacher(report: RaceReport) -> Iterator[str]:
    """For how many epochs of each method the original is the teacher: those that the cells do not share."""
    config = report.config
    epochs, start = config.get("epochs"), config.get("search_start")
    if not config.get("distill") or not isinstance(epochs, int) or not isinstance(start, int):
        return
    scratch = any(cell.method == _SCRATCH for cell in report.cells) and start > 0
    yield (
        f"The original is the teacher in {figures.plural(epochs - start, 'epoch')} of {epochs}"
        f"{f', of {_SCRATCH} in all' if scratch else ''}."
    )


def _latency(report: RaceReport) -> Iterator[str]:
    """What the budgets of latency are of."""
    if any(cell.budget.is_latency for cell in report.cells):
        yield (
            "Budgets of latency (batch 1, 1 thread) are milliseconds by one latency model of this machine. A network "
            "that is slower than asked once it is cut is cut a second time."
        )


def _unequal(report: RaceReport) -> Iterator[str]:
    """Budgets that not all cells reached equally: alignment can leave little choice, and a model can be wrong."""
    for budget in dict.fromkeys(cell.budget for cell in report.cells):
        cells = [cell for cell in report.cells if cell.budget == budget]
        reached = sorted(
            (amount, cell.folder.rpartition("/")[2]) for cell in cells if (amount := _reached(cell)) is not None
        )
        if not reached:
            continue
        asked = reached[0][0] if budget.setting == "target_latency_ms" else budget.value
        tolerated = _EQUAL_TIME if budget.is_latency else _EQUAL_WORK
        if max(asked, reached[-1][0]) > (1 + tolerated) * min(asked, reached[0][0]):
            ends = [reached[0], reached[-1]] if reached[0][0] < reached[-1][0] else [reached[0]]
            shown = "{:.2f}x".format if budget.is_latency else figures.percent
            names = " to ".join(f"{shown(amount)} ({name})" for amount, name in ends)
            yield f"At {budget.words} cells reached {names}: not equal {'latency' if budget.is_latency else 'work'}."


def _reached(cell: RaceCell) -> float | None:
    """The share of the MACs that is kept, or the measured speed-up; ``None`` where it is unknown."""
    result = cell.result
    if result is None or not cell.budget.is_latency:
        return None if result is None else result.kept_macs
    return None if result.timing is None else result.timing.ratio


def _seeds(report: RaceReport) -> Iterator[str]:
    """What this number of seeds can show, and where the seeds contradict each other."""
    leads = [(one, one.lead) for found in find_standings(report).values() for one in found if one.lead is not None]
    tests = sum(len(lead.p_values) for _one, lead in leads)
    count = len({cell.seed for cell in report.cells})
    if count == 1:
        yield "One seed: another seed may reverse any of these differences."
    else:
        few = "" if count > MOST_VALUES else ", too few for an interval"
        yield (
            f"{count} seeds{few}: two equal methods differ in the same direction in every seed "
            f"once in {2 ** (count - 1)} races."
        )
    if tests:
        yield (
            f"p (significant: below {SIGNIFICANT}) is McNemar's exact test between two networks of one seed: could "
            "chance in the test images alone explain their difference? Another seed gives another pair of networks, "
            f"about which the test says nothing. Of {figures.plural(tests, 'test')} between equal networks, one in 20 "
            "is significant."
        )
    for one, lead in leads:
        if lead.disagrees:
            yield (
                f"At {one.budget.words} the seeds disagree on {one.method}: significantly better than "
                f"{report.leader} in {lead.better}, significantly worse in {lead.worse}."
            )


def _missing(report: RaceReport) -> Iterator[str]:
    """Why cells have no result: one line for each reason of a method."""
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
