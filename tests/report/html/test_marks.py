import re

import pytest

from compress.report.html.page import draw_marks
from compress.report.network_tables import class_table
from compress.report.sections import Bars, Interval
from tests.report.sample import report


def test_intervals_share_one_axis():
    worst, same, best = draw_marks(
        [Interval(-9.5, -6.0, -2.5, "bad"), Interval(-0.5, 0.0, 0.5, "plain"), Interval(-0.5, 4.0, 8.5, "plain")]
    )
    # From -9.5 - 0.5 = -10 to 8.5 + 0.5 = 9 points, between 3 % and 97 % of the width.
    for mark in (worst, same, best):
        zero = float(re.search(r'class="zero" x1="([\d.]+)%', mark).group(1))
        assert zero == pytest.approx(3 + 94 * 10 / 19, abs=0.01)
    low, high = map(float, re.search(r'class="span" x1="([\d.]+)%" x2="([\d.]+)%', worst).groups())
    assert low == pytest.approx(3 + 94 * 0.5 / 19, abs=0.01)
    assert high == pytest.approx(3 + 94 * 7.5 / 19, abs=0.01)
    assert float(re.search(r'cx="([\d.]+)%', worst).group(1)) == pytest.approx(3 + 94 * 4 / 19, abs=0.01)
    assert 'class="interval bad"' in worst


def test_a_bar_is_a_share_of_the_longest():
    first, second = draw_marks([Bars((1.0, 4.0)), Bars((0.0, 2.0))])
    assert re.findall(r"width:([\d.]+)%", first + second) == ["25.00", "100.00", "0.00", "50.00"]
    assert re.findall(r"width:([\d.]+)%", draw_marks([Bars((0.0,))])[0]) == ["0.00"]


def test_a_class_is_marked_with_its_change():
    table = class_table(report())
    drop = report().candidate.comparison.classes[0]
    assert table.marks[0] == Interval(-drop.high, -drop.points, -drop.low, "plain")
