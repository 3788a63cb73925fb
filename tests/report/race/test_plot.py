"""The plots of a race: where the marks are, and one colour for each method."""

import re
from itertools import pairwise
from typing import get_args

import pytest

from compress.report.plots.race import Entry, draw_budget, draw_race
from compress.settings.config import Method

ORIGINAL = (90.0, 89.0, 91.0)


def entry(number, *, cost=50.0, top1=80.0, budget="50 %"):
    spans = {"accuracy": (top1, top1 - 1, top1 + 1), "cost": (cost, cost, cost)}
    return Entry(label=f"m{number}", number=number, budget=budget, runs=((cost, top1),), **spans)


def marks(svg):
    """(colour, x, y) of every mark, those of the legend included."""
    found = re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)" style="fill: (#\w+|var[^;]*)', svg)
    return [(colour, float(x), float(y)) for x, y, colour in found]


def colours(svg):
    return {colour for colour, _x, _y in marks(svg) if colour.startswith("#")}


def test_equal_costs_have_equal_places():
    entries = [entry(number, top1=80.0 + number) for number in range(3)]
    svg = draw_race(entries, original=ORIGINAL, name="a", cost="time", description="")
    places = {}
    for colour, x, y in marks(svg):
        places.setdefault(colour, []).append((x, y))
    drawn = [places[colour][0] for colour in sorted(colours(svg))]
    assert len(drawn) == 3
    assert len({x for x, _y in drawn}) == 1
    heights = sorted(y for _x, y in drawn)
    first, second = (low - high for high, low in pairwise(heights))
    assert first == pytest.approx(second)


def test_rows_are_in_the_order_given_with_top1_along_them():
    svg = draw_budget(
        [entry(0, top1=82), entry(1, top1=81), entry(2, top1=79)], original=ORIGINAL, name="a", description=""
    )
    drawn = list(dict.fromkeys(mark for mark in marks(svg) if mark[0].startswith("#")))
    (_, x_first, y_first), (_, x_second, y_second), (_, x_third, y_third) = drawn
    assert y_first < y_second < y_third
    assert y_second - y_first == pytest.approx(y_third - y_second)
    assert x_second - x_third == pytest.approx(2 * (x_first - x_second))


def test_every_method_has_its_own_colour():
    entries = [entry(number, cost=10.0 + number) for number in range(len(get_args(Method)))]
    assert len(entries) >= 10
    for svg in (
        draw_race(entries, original=ORIGINAL, name="a", cost="time", description=""),
        draw_budget(entries, original=ORIGINAL, name="a", description=""),
    ):
        assert len(colours(svg)) == len(entries)


def test_budgets_are_named_where_there_are_several():
    both = [entry(0, budget="50 %"), entry(0, cost=25.0, budget="25 %")]
    svg = draw_race(both, original=ORIGINAL, name="a", cost="time", description="")
    assert "50 %" in svg
    assert "25 %" in svg
    assert svg.count(">m0<") == 1  # in the legend, once
    assert "50 %" not in draw_race(both[:1], original=ORIGINAL, name="a", cost="time", description="")
