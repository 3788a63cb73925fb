import pytest

from compress.report import figures
from compress.verdict.accuracy import rate_of

SHOWN = {
    figures.count: {
        0: "0", 950: "950", 999: "999", 1000: "1.00 k", 727_626: "728 k", 999_499: "999 k", 999_900: "1.00 M",
        999_600_000: "1.00 G", 4_110_000_000: "4.11 G", 4_110_000_000_000: "4110 G",
    },
    figures.file_size: {
        0: "0 B", 999: "999 B", 12_345: "12.3 kB", 2_909_876: "2.91 MB", 999_900: "1.00 MB"
    },
    figures.duration: {
        0.04: "0.0 s", 59.94: "59.9 s", 59.99: "1 min 00 s", 245: "4 min 05 s", 7800: "2 h 10 min"
    },
    figures.milliseconds: {None: "-", 0.25: "0.250", 1.5: "1.50", 12.345: "12.3", 1234.5: "1234"},
    figures.microseconds: {  # whole where the profile's clock is no finer
        None: "-", 0.0: "0", 0.0052: "5", 0.00996: "10", 0.0278: "27.8", 0.42: "420", 1.2345: "1234"
    },
    figures.signed: {1.25: "+1.25", -0.725: "-0.725", -0.5: "-0.50", 0.0: "0.00", -0.0001: "0.00"},
    figures.probability: {1.0: "1", 0.6201: "0.62", 0.00312: "0.0031", 0.0009: "< 0.001", 0.0: "< 0.001"},
    figures.printable: {"a\x1b[31mb\nc\u202ed é": "a\ufffd[31mb\ufffdc\ufffdd é"},
}  # fmt: skip


@pytest.mark.parametrize("show", SHOWN, ids=lambda show: show.__name__)
def test_numbers_as_text(show):
    assert {value: show(value) for value in SHOWN[show]} == SHOWN[show]


def test_plurals_and_spans():
    assert [figures.plural(n, "thread") for n in (1, 2, 4000)] == ["1 thread", "2 threads", "4,000 threads"]
    assert figures.signed_span(-5.288, 2.77) == "-5.29 to +2.77"


def test_as_many_decimals_as_the_images_need():
    """One of 4,000 images is 0.025 points."""
    assert [figures.rate(rate_of(hits, 4000)) for hits in (3496, 3467, 4000)] == ["87.40 %", "86.675 %", "100.00 %"]
    assert figures.rate(rate_of(1, 3)) == "33.333 %"
    assert figures.hundredths(87.4 - 86.675) == "0.725"  # the headline adds up
    assert figures.rate(None) == "-"
