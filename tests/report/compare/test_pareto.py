import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.report.compare.pareto import Priced, on_front


def exact(*points):
    """Networks whose costs and accuracies are known exactly."""
    return [Priced((cost,) * 3, (accuracy,) * 3) for cost, accuracy in points]


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], ()),
        ([(1.0, 90.0)], (True,)),
        ([(1, 90), (2, 95)], (True, True)),  # dearer and better
        ([(1, 90), (2, 85)], (True, False)),  # dearer and worse
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
def test_the_definition_of_exact_values(points):
    """On the front is what nothing beats: not dearer, not less accurate, and better in one; once."""
    expected = tuple(
        point not in points[:place]
        and not any(other[0] <= point[0] and other[1] >= point[1] and other != point for other in points)
        for place, point in enumerate(points)
    )
    assert on_front(exact(*points)) == expected


def test_noise_displaces_nobody():
    """As measured: an FP16 file on a CPU is the FP32 file, 0.5 % faster by chance and one image in 4,000 better."""
    fp32 = Priced((0.402, 0.397, 0.408), (86.775, 85.69, 87.79))
    fp16 = Priced((0.400, 0.396, 0.406), (86.800, 85.72, 87.81))
    assert on_front([fp32, fp16]) == (True, False)
    assert on_front([fp16, fp32]) == (True, False)


def test_a_cost_that_is_lower_by_chance_excuses_no_clear_loss():
    good = Priced((0.402, 0.397, 0.408), (86.8, 85.7, 87.8))
    bad = Priced((0.400, 0.396, 0.406), (80.0, 78.7, 81.2))
    assert on_front([bad, good]) == on_front([good, bad])[::-1] == (False, True)


def test_intervals_of_separate_samples_do_not_make_a_loss_none():
    """Half the time and 2 points less: both stay, though the accuracies' intervals touch."""
    assert on_front([Priced((1.0,) * 3, (87.0, 85.9, 88.0)), Priced((0.5, 0.49, 0.51), (85.0, 83.9, 86.1))]) == (
        True,
        True,
    )


_margin = st.integers(0, 2)
_spans = st.builds(
    lambda value, below, above: (value, value - below, value + above), st.integers(0, 9), _margin, _margin
)


@given(st.lists(st.builds(Priced, _spans, _spans), min_size=1))
def test_a_front_is_never_empty_and_holds_nothing_that_is_beaten_within_it(networks):
    front = [network for network, on in zip(networks, on_front(networks), strict=True) if on]
    assert front
    assert not any(one.beats(other) for one in front for other in front if one is not other)
