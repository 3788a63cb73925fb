import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.report.compare.pareto import on_front


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], ()),
        ([(1.0, 90.0)], (True,)),
        ([(1, 90), (2, 95)], (True, True)),  # dearer and better
        ([(1, 90), (2, 85)], (True, False)),  # dearer and worse
        ([(2, 90), (1, 90)], (False, True)),  # as good for less
        ([(1, 90), (1, 85)], (True, False)),  # better for as much
        ([(1, 90), (1, 90)], (True, True)),  # the same
        ([(2, 95), (2, 95), (1, 95)], (False, False, True)),
        ([(3, 99), (1, 80), (2, 79), (2, 90)], (True, True, False, True)),
    ],
)
def test_by_hand(points, front):
    assert on_front(points) == front


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6))))
def test_the_definition(points):
    """On the front is what nothing beats: not dearer, not less accurate, and better in one."""
    beaten = [
        any(other[0] <= point[0] and other[1] >= point[1] and other != point for other in points) for point in points
    ]
    assert on_front(points) == tuple(not each for each in beaten)
