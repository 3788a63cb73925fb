"""The plots of a race: where the marks are, and one colour for each method."""

import re
from itertools import pairwise
from typing import get_args

import pytest

from compress.report.plots.tradeoff import Entry, draw_budget, draw_race
from compress.settings.config import Method

ORIGINAL = (90.0, 89.0, 91.0)


def entry(number, *, cost=50.0, top1=80.0, budget="50 %"):
    spans = {"accuracy": (top1, top1 - 1, top1 + 1), "cost": (cost, cost, cost)}
    return Entry(label=f"m{number}", number=number, budget=budget, runs=((cost, top1),), **spans)


def race(entries):
    return draw_race(entries, original=ORIGINAL, name="a", cost="time", description="")


def budget(entries):
    return draw_budget(entries, original=ORIGINAL, name="a", description="")


def marks(svg):
    """Form and colour -> (x, y) of the first large mark of that kind: the second is in the legend."""
    found = re.findall(r'<use xlink:href="(#[\w-]+)" x="([\d.]+)" y="([\d.]+)" style="fill: (#\w+); stroke', svg)
    return {(form, colour): (float(x), float(y)) for form, x, y, colour in reversed(found)}


def test_equal_costs_have_equal_places():
    drawn = marks(race([entry(number, top1=80.0 + number) for number in range(3)])).values()
    assert len(drawn) == 3
    assert len({x for x, _y in drawn}) == 1
    first, second = (low - high for high, low in pairwise(sorted(y for _x, y in drawn)))
    assert first == pytest.approx(second)


def test_rows_are_in_the_order_given_with_top1_along_them():
    drawn = marks(budget([entry(0, top1=82), entry(1, top1=81), entry(2, top1=79)]))
    (x_first, y_first), (x_second, y_second), (x_third, y_third) = sorted(drawn.values(), key=lambda place: place[1])
    assert x_first > x_second > x_third
    assert y_first < y_second < y_third
    assert y_second - y_first == pytest.approx(y_third - y_second)
    assert x_second - x_third == pytest.approx(2 * (x_first - x_second))


def test_no_two_methods_have_the_same_mark_in_the_same_colour():
    entries = [entry(number, cost=10.0 + number) for number in range(len(get_args(Method)))]
    assert len(entries) >= 10
    for draw in (race, budget):
        assert len(marks(draw(entries))) == len(entries)


def test_budgets_are_named_where_there_are_several():
    both = [entry(0, budget="50 %"), entry(0, cost=25.0, budget="25 %")]
    svg = race(both)
    assert "50 %" in svg
    assert "25 %" in svg
    assert svg.count(">m0<") == 1  # in the legend, once
    assert "50 %" not in race(both[:1])
