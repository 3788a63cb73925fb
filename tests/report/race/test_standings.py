"""The race in numbers, against values worked by hand."""

from itertools import pairwise

import pytest

from compress.report.race.standings import Spread, find_standings, original_results
from tests.report.race.races import EIGHT, FIVE, SEVEN, cell, race_of, result


def test_students_interval():
    # t(0.975, 2) = 4.302653, sd = 1: 4.302653 / sqrt(3) = 2.484138
    low, high = Spread((1.0, 2.0, 3.0)).interval
    assert (low, high) == (pytest.approx(2 - 2.484138, abs=1e-5), pytest.approx(2 + 2.484138, abs=1e-5))
    assert Spread((1.0, 4.0)).interval is None
    assert Spread((4.0, 1.0)).extent == (1.0, 4.0)
    assert Spread((1.0, 4.0)).mean == 2.5


def test_best_first_and_without_a_result_last():
    report = race_of(
        cell("edropout", 0, result(SEVEN)),
        cell("bn-scale", 0, None, outcome="not applicable", reason="no BatchNorm"),
        cell("l1", 0, result(EIGHT)),
        cell("edropout", 0, result(FIVE, kept=0.25), share=0.25),
    )
    found = find_standings(report)
    assert [(one.keep_macs, one.method) for one in found] == [
        (0.5, "l1"), (0.5, "edropout"), (0.5, "bn-scale"), (0.25, "edropout"),
    ]  # fmt: skip
    assert found[2].top1 is None
    assert found[2].results == ()


def test_a_duel_compares_the_same_images():
    report = race_of(
        cell("edropout", 0, result(SEVEN)), cell("edropout", 1, result(EIGHT)), cell("edropout", 2, result(FIVE)),
        cell("l1", 0, result(EIGHT)), cell("l1", 1, result(FIVE)), cell("l1", 2, None, outcome="diverged"),
    )  # fmt: skip
    l1, edropout = sorted(find_standings(report), key=lambda one: one.method, reverse=True)
    assert edropout.duel is None
    # Seed 0: images 8, 9 only l1, image 6 only edropout. Seed 1: image 5, 8, 9 only edropout.
    assert l1.duel.points.values == pytest.approx((10, -30))
    assert l1.duel.p_values == pytest.approx((1.0, 2 / 2**3))  # 1 of 3 coins; 0 of 3
    assert (l1.duel.better, l1.duel.worse, l1.duel.disagrees) == (0, 0, False)
    assert l1.top1.values == (80, 50)
    assert l1.lost.values == pytest.approx((10, 40))


def test_significant_seeds_that_contradict_each_other_disagree():
    """Six images that only one network has right: p = 2 / 2^6 = 0.031, significant; five: 2 / 2^5 = 0.063, not."""
    none, five, six = "0" * 12, "1" * 5 + "0" * 7, "0" * 6 + "1" * 6
    report = race_of(
        *(cell("edropout", seed, result(bits)) for seed, bits in enumerate((none, six, none))),
        *(cell("l1", seed, result(bits)) for seed, bits in enumerate((six, none, five))),
    )
    duel = next(one.duel for one in find_standings(report) if one.method == "l1")
    assert duel.points.values == pytest.approx((50, -50, 100 * 5 / 12))
    assert duel.p_values == pytest.approx((2 / 64, 2 / 64, 2 / 32))
    assert (duel.better, duel.worse, duel.disagrees) == (1, 1, True)


def test_no_seed_in_common_is_no_duel():
    report = race_of(cell("edropout", 0, result(SEVEN)), cell("l1", 1, result(EIGHT)))
    assert [one.duel for one in find_standings(report)] == [None, None]


def test_means():
    report = race_of(
        cell("l1", 0, result(SEVEN, ratio=2.0, kept=0.48, seconds=60)),
        cell("l1", 1, result(SEVEN, ratio=None, kept=0.50, seconds=120)),
    )
    (l1,) = find_standings(report)
    assert l1.kept_macs == pytest.approx(0.49)
    assert l1.ratio.values == (2.0,)
    # Of 01, 03 and 05 as given, the teacher (02) for 120 s; the verdict does not count.
    assert l1.minutes == pytest.approx(((3 * 60 + 120) + (3 * 120 + 120)) / 2 / 60)
    (bare,) = find_standings(race_of(cell("l1", 0, result(SEVEN, ratio=None))))
    assert bare.ratio is None


def test_the_original_once_a_seed():
    cells = [cell(method, seed, result(SEVEN)) for seed in (1, 0) for method in ("edropout", "l1")]
    assert len(original_results(race_of(*cells))) == 2
    assert original_results(race_of(cell("l1", 0, None))) == ()


def test_standings_are_sorted_whatever_the_order():
    cells = [cell(method, 0, result(bits)) for method, bits in (("l1", FIVE), ("l2", EIGHT), ("taylor", SEVEN))]
    for one, other in pairwise(find_standings(race_of(*cells))):
        assert one.top1.mean >= other.top1.mean
