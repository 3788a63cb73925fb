"""The race in numbers, against values worked by hand."""

import pytest

from compress.report.race.standings import SeedValues, Standing, find_standings, original_results
from tests.report.race.races import EIGHT, FIVE, HALF, QUARTER, SEVEN, cell, finished, race_of, result


def standings(*cells) -> list[Standing]:
    return [one for found in find_standings(race_of(*cells)).values() for one in found]


def test_three_values_have_an_interval_and_two_an_extent():
    """t(0.975, 2) = 4.302653, standard deviation 1: 4.302653 / sqrt(3) = 2.484138."""
    values = SeedValues((1.0, 2.0, 3.0))
    assert values.extent == values.interval == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-5)
    assert SeedValues((1.0, 4.0)).interval is None
    assert SeedValues((4.0, 1.0)).extent == (1.0, 4.0)


def test_best_first_and_without_a_result_last():
    found = standings(
        cell("edropout", 0, result(SEVEN)),
        cell("bn-scale", 0, None, outcome="not applicable", reason="no BatchNorm"),
        cell("l1", 0, result(EIGHT)),
        cell("edropout", 0, result(FIVE, kept=0.25), budget=QUARTER),
    )
    assert [(one.budget, one.method) for one in found] == [
        (HALF, "l1"), (HALF, "edropout"), (HALF, "bn-scale"), (QUARTER, "edropout"),
    ]  # fmt: skip
    assert found[2].results == ()


def test_a_lead_is_over_the_same_images():
    diverged = cell("l1", 2, None, outcome="diverged")
    l1, edropout = standings(*finished("edropout", SEVEN, EIGHT, "0" * 10), *finished("l1", EIGHT, FIVE), diverged)
    assert edropout.lead is None
    # Seed 0: images 8, 9 only l1, image 6 only edropout. Seed 1: image 5, 8, 9 only edropout.
    assert l1.lead.points.values == pytest.approx((10, -30))
    assert l1.lead.p_values == pytest.approx((1.0, 2 / 2**3))  # 1 of 3 coins; 0 of 3
    assert (l1.lead.better, l1.lead.worse, l1.lead.disagrees) == (0, 0, False)
    assert l1.top1.values == (80, 50)
    strangers = standings(cell("edropout", 0, result(SEVEN)), cell("l1", 1, result(EIGHT)))  # no seed in common
    assert [one.lead for one in strangers] == [None, None]


def test_significant_seeds_that_contradict_each_other_disagree():
    """Six images that only one network has right: p = 2 / 2^6 = 0.031, significant; five: 2 / 2^5 = 0.063, not."""
    none, five, six = "0" * 12, "1" * 5 + "0" * 7, "0" * 6 + "1" * 6
    found = standings(*finished("edropout", none, six, none), *finished("l1", six, none, five))
    lead = next(one.lead for one in found if one.method == "l1")
    assert lead.points.values == pytest.approx((50, -50, 100 * 5 / 12))
    assert lead.p_values == pytest.approx((2 / 64, 2 / 64, 2 / 32))
    assert (lead.better, lead.worse, lead.disagrees) == (1, 1, True)


def test_the_original_once_a_seed():
    cells = [cell(method, seed, result(SEVEN)) for seed in (1, 0) for method in ("edropout", "l1")]
    assert len(original_results(race_of(*cells))) == 2
    assert original_results(race_of(cell("l1", 0, None))) == ()
