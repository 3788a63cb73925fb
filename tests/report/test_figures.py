"""Numbers and names as text, and which changes count as a gain or a loss."""

import pytest

from compress.report import figures
from compress.report.figures import drop_outcome, size_outcome, timing_outcome
from compress.report.results import AccuracyDrop
from compress.verdict.accuracy import rate_of
from tests.report.sample import latency_row


def rate(hits: int, images: int) -> str:
    return figures.rate(rate_of(hits, images))


@pytest.mark.parametrize(
    ("function", "texts"),
    [
        (figures.count, {0: "0", 950: "950", 999: "999", 1000: "1.00 k", 727_626: "728 k", 999_499: "999 k",
                         999_900: "1.00 M", 999_600_000: "1.00 G", 4.11e9: "4.11 G", 4.11e12: "4110 G"}),
        (figures.file_size, {0: "0 B", 999: "999 B", 12_345: "12.3 kB", 2_909_876: "2.91 MB", 999_900: "1.00 MB"}),
        (figures.duration, {0.04: "0.0 s", 59.94: "59.9 s", 59.99: "1 min 00 s", 245: "4 min 05 s",
                            7800: "2 h 10 min"}),
        (figures.milliseconds, {None: "-", 0.25: "0.250", 1.5: "1.50", 12.345: "12.3", 1234.5: "1234"}),
        # Whole where the profile's clock is no finer.
        (figures.microseconds, {None: "-", 0.0: "0", 0.0052: "5", 0.00996: "10", 0.0278: "27.8", 0.42: "420",
                                1.2345: "1234"}),
        (figures.signed, {1.25: "+1.25", -0.725: "-0.725", -0.5: "-0.50", 0.0: "0.00", -0.0001: "0.00"}),
        (figures.probability, {1.0: "1", 0.6201: "0.62", 0.00312: "0.0031", 0.0009: "< 0.001", 0.0: "< 0.001"}),
        (figures.hundredths, {87.4 - 86.675: "0.725"}),  # the headline adds up
        (figures.rate, {None: "-"}),

    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_one_value_as_text(function, texts):
    assert {value: function(value) for value in texts} == texts


@pytest.mark.parametrize(
    ("function", "first", "second", "text"),
    [
        (figures.plural, 1, "thread", "1 thread"),
        (figures.plural, 2, "thread", "2 threads"),
        (figures.plural, 4000, "thread", "4,000 threads"),
        (figures.signed_span, -5.288, 2.77, "-5.29 to +2.77"),
        # As many decimals as the images need: one of 4,000 is 0.025 points.
        (rate, 3496, 4000, "87.40 %"),
        (rate, 3467, 4000, "86.675 %"),
        (rate, 4000, 4000, "100.00 %"),
        (rate, 1, 3, "33.333 %"),
    ],
)
def test_two_values_as_text(function, first, second, text):
    assert function(first, second) == text


@pytest.mark.parametrize(
    ("outcome", "sizes", "drops", "ratios"),
    [
        # Half a percent of size, an interval that holds 0, and a percent of time are no change.
        ("same", [(1000, 995), (1000, 1005), (0, 0)], [(-1, 1), (0, 1), (-1, 0), (0, 0)], [(1.005, 1.1), (0.9, 0.995)]),
        ("gained", [(1000, 994)], [(-2, -0.1)], [(1.02, 1.1)]),
        ("lost", [(1000, 1006), (0, 1)], [(0.1, 2)], [(0.9, 0.98)]),
    ],
)
def test_what_counts_as_a_change(outcome, sizes, drops, ratios):
    assert {size_outcome(before, after) for before, after in sizes} == {outcome}
    assert {drop_outcome(AccuracyDrop(1.0, low, high, 0, 0, 10)) for low, high in drops} == {outcome}
    timings = [latency_row(1, 1, low, (low + high) / 2, high).comparison for low, high in ratios]
    assert {timing_outcome(timing) for timing in timings} == {outcome}
