import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.report.compare.comparison import Priced, on_front

FP32, FP16 = (
    Priced((0.402, 0.397, 0.408), (86.775, 85.69, 87.79)),
    Priced((0.400, 0.396, 0.406), (86.800, 85.72, 87.81)),
)
GOOD, BAD = Priced((0.402, 0.397, 0.408), (86.8, 85.7, 87.8)), Priced((0.400, 0.396, 0.406), (80.0, 78.7, 81.2))
DEAR, CHEAP = Priced((1.0,) * 3, (87.0, 85.9, 88.0)), Priced((0.5, 0.49, 0.51), (85.0, 83.9, 86.1))
BEATEN, ITS_EQUAL = Priced((1.0, 0.9, 1.1), (86.0, 85.0, 87.0)), Priced((1.2, 1.0, 1.4), (87.5, 86.5, 88.5))
BEATS_IT = Priced((0.5, 0.5, 0.5), (86.5, 85.5, 87.4))


def exact(*points):
    """Networks whose costs and accuracies are known exactly."""
    return [Priced((cost,) * 3, (accuracy,) * 3) for cost, accuracy in points]


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], ()),
        ([(1.0, 90.0)], (True,)),
        ([(1, 90), (2, 95)], (True, True)),  # more expensive and better
        ([(1, 90), (2, 85)], (True, False)),  # more expensive and worse
        ([(2, 90), (1, 90)], (False, True)),  # as good for less
        ([(1, 90), (1, 85)], (True, False)),  # better for as much
        ([(1, 90), (1, 90)], (True, False)),  # the same: the first
        ([(2, 95), (2, 95), (1, 95)], (False, False, True)),
        ([(3, 99), (1, 80), (2, 79), (2, 90)], (True, True, False, True)),
    ],
)
def test_by_hand(points, front):
    assert on_front(exact(*points)) == front


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6))))
def test_exact_values_follow_the_definition(points):
    """On the front: no other point is at most as expensive and at least as accurate; equal points once."""
    expected = tuple(
        point not in points[:place]
        and not any(other[0] <= point[0] and other[1] >= point[1] and other != point for other in points)
        for place, point in enumerate(points)
    )
    assert on_front(exact(*points)) == expected


@pytest.mark.parametrize(
    ("networks", "front"),
    [
        # Measured: on a CPU an FP16 file is the FP32 file; here 0.5 % faster and one image in 4,000 better by chance.
        ([FP32, FP16], (True, False)),
        ([FP16, FP32], (True, False)),
        ([BAD, GOOD], (False, True)),  # as expensive and clearly less accurate
        ([GOOD, BAD], (True, False)),
        ([DEAR, CHEAP], (True, True)),  # half the time and 2 points less, although the accuracies' intervals touch
        ([BEATEN, ITS_EQUAL, BEATS_IT], (False, True, True)),  # equal to a dominated one, but not dominated
    ],
)
def test_differences_within_the_intervals_count_as_equal(networks, front):
    assert on_front(networks) == front


_margin = st.integers(0, 2)
_spans = st.builds(
    lambda value, below, above: (value, value - below, value + above), st.integers(0, 9), _margin, _margin
)


@given(st.lists(st.builds(Priced, _spans, _spans), min_size=1))
def test_a_front_is_never_empty_and_no_member_dominates_another(networks):
    front = [network for network, on in zip(networks, on_front(networks), strict=True) if on]
    assert front
    assert not any(one.beats(other) for one in front for other in front if one is not other)
