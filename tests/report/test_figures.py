import pytest

from compress.report import figures


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (950, "950"), (1000, "1.00 k"), (727_626, "728 k"), (999_900, "1000 k"), (4_110_000_000, "4.11 G")],
)
def test_count(number, text):
    assert figures.count(number) == text


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (12_345, "12.3 kB"), (2_909_876, "2.91 MB")])
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
    assert [figures.signed(x) for x in (1.254, -0.5, 0.0, -0.001)] == ["+1.25", "-0.50", "0.00", "0.00"]
    assert figures.signed_span(-5.288, 2.77) == "-5.29 to +2.77"
    assert [figures.probability(p) for p in (1.0, 0.6201, 0.00312, 0.0009, 0.0)] == [
        "1", "0.62", "0.0031", "< 0.001", "< 0.001"
    ]  # fmt: skip
