"""Words, widths and places, against values worked out by hand."""

import pytest

from compress.report.html.answers import class_lines
from compress.report.html.changes import drop_interval, drop_tone, signed
from compress.report.html.pictures import relative_times, series_numbers
from compress.report.html.times import latency_groups, longest, width
from compress.report.plots.distributions import NamedTiming, shown_up_to
from compress.report.results import ClassDrop, Comparison
from compress.report.timings import Setting
from exporters.measure.profile import LayerTime
from tests.report import sample

MINUS = "\N{MINUS SIGN}"


def drop(label, points, low, high):
    return ClassDrop(label, 50, 40, 40 - round(points / 2), points, low, high)


def test_a_change_has_a_sign_and_a_loss_is_negative():
    assert [signed(value) for value in (1.25, -0.725, 0.0, -0.0001)] == ["+1.25", f"{MINUS}0.725", "0.00", "0.00"]
    assert drop_interval(drop(0, 2.0, -1.0, 5.0)) == f"{MINUS}5.00 to +1.00"


@pytest.mark.parametrize(
    ("low", "high", "tone"), [(0.1, 2, "bad"), (-2, -0.1, "good"), (-1, 1, "plain"), (0, 1, "plain")]
)
def test_only_an_interval_without_zero_is_a_change(low, high, tone):
    assert drop_tone(drop(0, 1.0, low, high)) == tone


def test_classes_stand_on_one_axis():
    comparison = Comparison(
        agreement=sample.comparison(range(1), range(1)).agreement,
        mcnemar_p=1.0,
        classes=(drop(3, 6.0, 2.5, 9.5), drop(1, 0.0, -0.5, 0.5), drop(2, -4.0, -8.5, 0.5)),
        confusions=(),
    )
    worst, same, best = class_lines(comparison, most=3)
    # From -9.5 - 0.5 = -10 to 8.5 + 0.5 = 9 points, between 3 % and 97 % of the width.
    assert [line.label for line in (worst, same, best)] == [3, 1, 2]
    assert worst.zero == same.zero == best.zero == pytest.approx(3 + 94 * 10 / 19, abs=0.01)
    assert worst.low == pytest.approx(3 + 94 * 0.5 / 19, abs=0.01)
    assert worst.middle == pytest.approx(3 + 94 * 4 / 19, abs=0.01)
    assert worst.high == pytest.approx(3 + 94 * 7.5 / 19, abs=0.01)
    assert (worst.tone, same.tone, best.tone) == ("bad", "plain", "plain")
    assert worst.change == f"{MINUS}6.00"
    assert (worst.before, worst.after) == ("80.0 %", "74.0 %")


def test_the_classes_that_changed_most_are_kept():
    drops = tuple(drop(label, points, points - 9, points + 9) for label, points in enumerate((5.0, 1.0, -1.5, -8.0)))
    comparison = Comparison(sample.comparison(range(1), range(1)).agreement, 1.0, drops, ())
    assert [line.label for line in class_lines(comparison, most=2)] == [0, 3]


def test_the_original_and_the_candidate_have_the_first_colours():
    assert series_numbers(sample.full_report()) == {
        "original": 0, "pruned": 1, "original int8": 2, "pruned int8": 3, "pruned fp16": 4,
    }  # fmt: skip


def test_times_are_in_percent_of_the_originals_by_the_ratio_of_the_pair():
    report = sample.full_report(
        latency=(
            sample.latency_row(1, 1, 2.2, 2.3, 2.5, against="pruned", other="pruned int8", before=1.1, after=0.5),
            sample.latency_row(1, 1, 3.2, 4.0, 5.0, other="pruned int8", before=1.5, after=0.4),
            sample.latency_row(8, 1, 1.4, 1.5, 1.6, before=9, after=6),
        )
    )
    assert relative_times(report, Setting(1, 1)) == {
        "original": (100, 100, 100), "pruned int8": (25, 20, 31.25),
    }  # fmt: skip


def test_the_candidates_pair_comes_first():
    groups = latency_groups(sample.full_report())
    assert [(group.before, group.after, len(group.rows)) for group in groups] == [
        ("original", "pruned", 2),
        ("original", "original int8", 1),
        ("original", "pruned int8", 1),
        ("pruned", "pruned int8", 1),
        ("original", "pruned fp16", 1),
    ]
    assert groups[0].rows[0] == ("1", "1", "1.50", "1.00", "1.50x", "1.48 to 1.55", "980", "faster")
    assert groups[4].rows[0][-1] == "no difference, noisy"


def test_a_bar_is_a_share_of_the_longest():
    assert width(1.0, 4.0) == 25.0
    assert width(None, 4.0) == 0.0
    assert width(1.0, 0.0) == 0.0
    assert longest([LayerTime("a", "Conv", 0.5, 0.25, None, ""), LayerTime("b", "Conv", None, 0.75, None, "")]) == 0.75
    assert longest([]) == 0.0


def test_an_interrupted_call_does_not_squeeze_the_others():
    calm = tuple(1 + 0.01 * (n % 5) for n in range(99))
    steady = NamedTiming("a", sample.timing(1.02, sample_ms=calm, p90_ms=1.04), 0)
    hit = NamedTiming("a", sample.timing(1.02, sample_ms=(*calm, 80.0), p90_ms=1.04), 0)
    assert shown_up_to([steady]) == pytest.approx(1.02 * 1.04)
    # Quartiles 1.01 and 1.03; a tenth of the median is more than five times their distance.
    assert shown_up_to([hit]) == pytest.approx(1.02 * (1.03 + 0.102))
    half_of_them = NamedTiming("a", sample.timing(1.02, sample_ms=(*calm, *(80.0,) * 60), p90_ms=80.0), 0)
    assert shown_up_to([half_of_them]) == pytest.approx(1.02 * 2.5 * 1.02)
