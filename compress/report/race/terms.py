"""The terms of a race in sentences: what was equal for all cells, and what could not be."""

from collections.abc import Iterator, Sequence
from typing import Final

from compress.report import figures
from compress.report.race.model import RaceCell, RaceReport
from compress.settings.config import Method
from compress.settings.methods import METHODS

_FRESH: Final[Method] = "scratch"
"""The method that trains fresh weights in a shape that another one found."""

_EQUAL_WORK: Final = 0.02
"""Cells whose MACs differ by more than this share are not at one budget."""


def terms(report: RaceReport) -> Iterator[str]:
    """What the reader has to know of how the cells were made."""
    images = f" on {report.data.name}, {figures.plural(report.data.test, 'test image')}" if report.data else ""
    yield (
        f"{report.config['arch']}{images}. All cells of a seed start from the same trained network, "
        "prune the same units to the same budget and alignment, and are trained for as many epochs in all; "
        "the original beside them is the unpruned network, trained for as long."
    )
    if any(cell.method == _FRESH for cell in report.cells):
        yield (
            f"{_FRESH} alone starts afresh: it trains the shape that {report.leader} found; "
            "the run that found it comes on top of its minutes."
        )
    yield from _teacher(report)
    yield from _unequal(report)


def _teacher(report: RaceReport) -> Iterator[str]:
    """In how many epochs of each method the original teaches: only fine-tuning has a teacher."""
    config = report.config
    counts = [config.get(f"{stage}_epochs") for stage in ("baseline", "search", "finetune")]
    epochs = [count for count in counts if isinstance(count, int)]
    if not config.get("distill") or len(epochs) < len(counts):
        return
    given = bool(config.get("weights"))
    total = sum(epochs[given:])
    raced = list(dict.fromkeys(cell.method for cell in report.cells))
    taught = (
        (epochs[-1], [method for method in raced if not METHODS[method].at_once]),
        (sum(epochs[1:]), [method for method in raced if METHODS[method].at_once and method != _FRESH]),
        (total, [method for method in raced if method == _FRESH]),
    )
    said = "; ".join(f"{count} of {total} for {', '.join(names)}" for count, names in taught if names)
    after = " after the given weights" if given else ""
    yield f"The original teaches in fine-tuning alone. Epochs{after} with this teacher: {said}."


def _unequal(report: RaceReport) -> Iterator[str]:
    """Budgets that were not reached, or not by all alike: where alignment leaves little choice."""
    for share in dict.fromkeys(cell.keep_macs for cell in report.cells):
        cells = sorted(
            (cell for cell in report.cells if cell.keep_macs == share and cell.result is not None), key=_reached
        )
        if cells and max(share, _reached(cells[-1])) > (1 + _EQUAL_WORK) * min(share, _reached(cells[0])):
            yield f"At {100 * share:.6g} % of the MACs {_span_words(cells)}: not equal work."


def _span_words(cells: Sequence[RaceCell]) -> str:
    """The cell with the fewest MACs, and the one with the most."""
    ends = [f"{figures.percent(_reached(cell))} ({cell.folder.rpartition('/')[2]})" for cell in (cells[0], cells[-1])]
    return f"cells reached {' to '.join(ends) if _reached(cells[0]) < _reached(cells[-1]) else ends[0]}"


def _reached(cell: RaceCell) -> float:
    return cell.result.kept_macs if cell.result is not None else 0.0
