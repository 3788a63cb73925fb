import pytest

from compress.report import figures
from compress.verdict.accuracy import rate_of


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (950, "950"),
        (1000, "1.00 k"),
        (727_626, "728 k"),
        (999_499, "999 k"),
        (999_900, "1.00 M"),
        (999_600_000, "1.00 G"),
        (999, "999"),
        (4_110_000_000, "4.11 G"),
        (4_110_000_000_000, "4110 G"),
    ],
)
def test_count(number, text):
    assert figures.count(number) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (12_345, "12.3 kB"), (2_909_876, "2.91 MB"), (999_900, "1.00 MB")]
)
def test_file_size(size, text):
    assert figures.file_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.99, "1 min 00 s"), (245, "4 min 05 s"), (7800, "2 h 10 min")],
)
def test_duration(seconds, text):
    assert figures.duration(seconds) == text


def test_milliseconds_and_plurals():
    assert [figures.milliseconds(x) for x in (None, 0.25, 1.5, 12.345, 1234.5)] == [
        "-", "0.250", "1.50", "12.3", "1234"
    ]  # fmt: skip
    assert [figures.plural(n, "thread") for n in (1, 2, 4000)] == ["1 thread", "2 threads", "4,000 threads"]


def test_nothing_that_moves_a_cursor_survives():
    assert figures.printable("a\x1b[31mb\nc\u202ed é") == "a\ufffd[31mb\ufffdc\ufffdd é"


def test_changes_and_probabilities():
    assert [figures.signed(x) for x in (1.25, -0.725, -0.5, 0.0, -0.0001)] == [
        "+1.25",
        "-0.725",
        "-0.50",
        "0.00",
        "0.00",
    ]
    assert figures.signed_span(-5.288, 2.77) == "-5.29 to +2.77"
    assert [figures.probability(p) for p in (1.0, 0.6201, 0.00312, 0.0009, 0.0)] == [
        "1", "0.62", "0.0031", "< 0.001", "< 0.001"
    ]  # fmt: skip


def test_as_many_decimals_as_the_images_need():
    """One of 4,000 images is 0.025 points."""
    assert [figures.rate(rate_of(hits, 4000)) for hits in (3496, 3467, 4000)] == ["87.40 %", "86.675 %", "100.00 %"]
    assert figures.rate(rate_of(1, 3)) == "33.333 %"
    assert figures.hundredths(87.4 - 86.675) == "0.725"  # the headline adds up
    assert figures.rate(None) == "-"


def test_microseconds_are_whole_where_the_clock_is_no_finer():
    assert [figures.microseconds(ms) for ms in (None, 0.0, 0.0052, 0.00996, 0.0278, 0.42, 1.2345)] == [
        "-", "0", "5", "10", "27.8", "420", "1234"
    ]  # fmt: skip
