"""Numbers, names and gates as text; whether a change is a gain, a loss or neither (one rule for words and colours)."""

import math
from typing import TYPE_CHECKING, Final, Literal

from compress.report.results import AccuracyDrop, ClassDrop, GateResult, Rate
from compress.report.sections import Tone

if TYPE_CHECKING:  # for the help of the command line, which waits for no numpy
    from exporters.measure.latency_results import LatencyComparison, SpeedChange

Outcome = Literal["gained", "lost", "same"]

TONES: Final[dict[Outcome, Tone]] = {"gained": "good", "lost": "bad", "same": "plain"}

_EQUAL: Final = 0.005  # sizes within this share of the original's count as the same
_OF_TIMING: "Final[dict[SpeedChange, Outcome]]" = {"faster": "gained", "slower": "lost", "no difference": "same"}
_MOST_DECIMALS: Final = 6
_UNITS: Final = {
    "max-drop": " points", "max-int8-drop": " points", "min-speedup": "x", "max-latency-ms": " ms",
    "max-size-mb": " MB", "max-macs": "",
}  # fmt: skip
_EXACT: Final = 1e-9


def count(number: float) -> str:
    """A large count: 950, 12.3 k, 1.24 M, 4.11 G; 999,900 is 1.00 M, since 1000 k is no better than 1000."""
    value, unit = float(number), ""
    for larger in ("k", "M", "G"):
        if value < 999.5:
            break
        value, unit = value / 1000, f" {larger}"
    return f"{three_digits(value)}{unit}" if unit else f"{number:.0f}"


def three_digits(number: float) -> str:
    """Three significant digits: 0.250, 1.50, 728."""
    return f"{number:#.3g}".rstrip(".") if number < 999.5 else f"{number:.0f}"


def file_size(size_bytes: int) -> str:
    """A file's size in decimal units: 850 B, 12.3 kB, 2.91 MB."""
    return f"{count(size_bytes)}B" if size_bytes >= 1000 else f"{size_bytes} B"


def percent(fraction: float) -> str:
    """A fraction as a percentage: 49.8 %."""
    return f"{100 * fraction:.1f} %"


def hundredths(number: float) -> str:
    """Two decimals, or three where two would round: 87.40, 86.675; so that differences add up."""
    decimals = 2 if abs(number - round(number, 2)) < _EXACT else 3
    return f"{number:.{decimals}f}"


def rate(value: Rate | None) -> str:
    """A measured share in percent, with the decimals that its images need; a dash where it was not measured."""
    return "-" if value is None else f"{hundredths(100 * value.value)} %"


def rate_interval(value: Rate) -> str:
    """The interval of a measured share, in percent."""
    return span(100 * value.low, 100 * value.high)


def span(low: float, high: float) -> str:
    """An interval: 1.48 to 1.55."""
    return f"{low:.2f} to {high:.2f}"


def milliseconds(value: float | None) -> str:
    """A duration in milliseconds; a dash where the sample was too small to say."""
    return "-" if value is None else three_digits(value)


def microseconds(milliseconds: float | None) -> str:
    """A profiled duration in microseconds, whole below 10 as the profile's clock counts; a dash for ``None``."""
    if milliseconds is None:
        return "-"
    value = 1000 * milliseconds
    return f"{value:.0f}" if value < 10 or value >= 999.5 else three_digits(value)


def duration(seconds: float) -> str:
    """A duration: 3.2 s, 4 min 05 s, 2 h 10 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def small(number: float) -> str:
    """A difference near 0: 1.2e-06."""
    return f"{number:.1e}"


def plural(number: int, noun: str) -> str:
    """1 thread, 2 threads, 4,000 images."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def signed(number: float) -> str:
    """A change with its sign: +1.25, -0.725, 0.00."""
    text = hundredths(number)
    if float(text) == 0:
        return "0.00"
    return text if number < 0 else f"+{text}"


def signed_span(low: float, high: float) -> str:
    """An interval of a change, to the hundredth: -5.29 to +2.77."""
    return f"{signed(round(low, 2))} to {signed(round(high, 2))}"


def change(drop: AccuracyDrop | ClassDrop | None) -> str:
    """A change of Top-1 in points; a loss is negative."""
    return "-" if drop is None else signed(-drop.points)


def change_interval(drop: AccuracyDrop | ClassDrop | None) -> str:
    """The interval of a change in points."""
    return "-" if drop is None else signed_span(-drop.high, -drop.low)


def in_int8(processor: str) -> str:
    """INT8, for the processor "here", "x86" or "arm", as the end of a phrase: in INT8, in INT8 for ARM."""
    return " in INT8" + {"here": "", "x86": " for x86", "arm": " for ARM"}[processor]


def setting(batch_size: int, threads: int) -> str:
    """How something was timed: batch 1, 2 threads."""
    return f"batch {batch_size}, {plural(threads, 'thread')}"


def probability(value: float) -> str:
    """A p-value: 0.62, 0.0031, < 0.001."""
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def size_outcome(before: int, after: int) -> Outcome:
    """Of bytes, MACs or parameters: fewer is better."""
    if abs(after - before) <= _EQUAL * before:
        return "same"
    return "gained" if after < before else "lost"


def drop_outcome(drop: AccuracyDrop | ClassDrop) -> Outcome:
    """Of accuracy: only an interval without 0 shows a change."""
    return "lost" if drop.low > 0 else "gained" if drop.high < 0 else "same"


def timing_outcome(timing: "LatencyComparison") -> Outcome:
    """Of latency: only an interval beyond the resolution shows a difference."""
    return _OF_TIMING[timing.speed_change]


def gate_sentence(result: GateResult) -> str:
    """The result in a sentence: "max-drop: 0.72 points (at most 1.33), limit 1.00: missed by 0.33"."""
    gap = abs(result.pessimistic - result.limit)
    # Two decimals, or more where the limit or the gap is so small that two would hide it.
    smallest = min((value for value in (abs(result.limit), gap) if value), default=1.0)
    needed = min(max(2, 1 - math.floor(math.log10(smallest) + 1e-9)), _MOST_DECIMALS)
    decimals = 0 if result.gate == "max-macs" else needed
    measured, pessimistic, limit, distance = (
        f"{value:,.{decimals}f}" for value in (result.measured, result.pessimistic, result.limit, gap)
    )
    end = "least" if result.gate == "min-speedup" else "most"
    interval = "" if result.pessimistic == result.measured else f" (at {end} {pessimistic})"
    least = 10.0**-decimals
    missed = f"missed by {distance if gap >= least else f'less than {least:.{decimals}f}'}"
    outcome = f"kept, {distance} to spare" if result.passed else missed
    return f"{result.gate}: {measured}{_UNITS[result.gate]}{interval}, limit {limit}: {outcome}"
