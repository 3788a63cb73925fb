"""A race as one picture: Top-1 over latency, every method at every budget, and the original."""

from collections.abc import Sequence
from itertools import groupby
from statistics import median

from matplotlib.axes import Axes

from compress.report.plots.svg import MUTED, as_file, new_figure, series, shorten, to_svg
from compress.report.plots.tradeoff import MARKS, Entry, draw_intervals, name_budget
from compress.report.results import Span

_WIDTH, _LEAST_HEIGHT, _LEGEND_LINE, _MARGINS = 860.0, 480.0, 19.0, 60.0  # CSS pixels
_LINE, _LEADERS_LINE = 1.1, 3.0
_DASHES = (0, (4, 3))


def draw_race_picture(entries: Sequence[Entry], *, original: Sequence[float], leader: str, cost: str) -> str:
    """An SVG file: medians over seeds, with the range of the seeds; a line joins the budgets of a method.

    Where a race has budgets of MACs and of latency, the latter have a dashed line and hollow marks.

    Args:
        entries: of all budgets; the legend has the methods in the order of the last one.
        original: Top-1 of the unpruned network for each seed, in percent: a dashed line for the median, a band for the
            range. Its cost is 100 %, far to the right of all others.
        leader: the method whose line is thick.
        cost: the label of the horizontal axis.
    """
    methods = _best_first(entries)
    height = max(_LEAST_HEIGHT, _MARGINS + _LEGEND_LINE * (len(methods) + 2))
    with new_figure(height, width=_WIDTH) as (figure, axes):
        value, low, high = _span(original)
        axes.axhspan(low, high, color=series(0), alpha=0.18, linewidth=0)
        axes.axhline(value, color=series(0), linestyle=_DASHES, linewidth=1.6, label="original (at 100 %)")
        for place, method in enumerate(methods):
            of_method = [entry for entry in entries if entry.label == method]
            _draw_method(axes, of_method, above=3 + len(methods) - place, leads=method == leader)
        for budget in dict.fromkeys(entry.budget for entry in entries):
            of_budget = [entry for entry in entries if entry.budget == budget]
            name_budget(axes, of_budget, [run for entry in of_budget for run in entry.runs])
        if any(entry.hollow for entry in entries):
            axes.plot([], [], color=MUTED, linestyle=_DASHES, linewidth=_LINE, label="latency as the budget: hollow")
        axes.margins(x=0.12, y=0.08)
        axes.set_xlabel(cost)
        axes.set_ylabel("Top-1, %")
        figure.legend(loc="outside right upper", fontsize=11)
        return as_file(to_svg(figure, name="race", description=_in_words(entries, original, cost)))


def _best_first(entries: Sequence[Entry]) -> list[str]:
    """The methods as they are ordered at the last budget, then those that only others have."""
    budgets = list(dict.fromkeys(entry.budget for entry in entries))
    return list(dict.fromkeys(e.label for budget in reversed(budgets) for e in entries if e.budget == budget))


def _in_words(entries: Sequence[Entry], original: Sequence[float], cost: str) -> str:
    """The text alternative."""
    values = []
    for entry in entries:
        costs, top1 = zip(*entry.runs, strict=True)
        values.append(f"{entry.label} at {entry.budget}: {median(top1):.2f} % at {median(costs):.1f}")
    return f"Top-1 over {cost}, medians over seeds; original {median(original):.2f} %; {'; '.join(values)}."


def _draw_method(axes: Axes, entries: Sequence[Entry], *, above: int, leads: bool) -> None:
    """One method's line for each kind of budget, with a mark at every budget; ``above`` which others it is drawn."""
    width, size = (_LEADERS_LINE, 11) if leads else (_LINE, 8)
    for hollow, of_kind in groupby(entries, key=lambda entry: entry.hollow):
        first, *others = of_kind
        spans = [[_span(values) for values in zip(*entry.runs, strict=True)] for entry in (first, *others)]
        for across, upwards in spans:
            draw_intervals(axes, across, upwards, color=first.colour, zorder=above)
        axes.plot(
            [across[0] for across, _ in spans], [upwards[0] for _, upwards in spans], MARKS[first.number % len(MARKS)],
            linestyle=_DASHES if hollow else "-", linewidth=width, color=first.colour, markersize=size, **first.style,
            zorder=above, label=shorten(first.label) if first is entries[0] else "_unnamed",
        )  # fmt: skip


def _span(values: Sequence[float]) -> Span:
    """Median, lowest and highest."""
    return median(values), min(values), max(values)
