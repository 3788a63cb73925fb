"""The Pareto front: networks of which none is both better and cheaper."""

from collections.abc import Sequence


def on_front(points: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Whether each point is on the front.

    A point is off it where another costs no more and is as accurate, and is better in one of the two.
    Points that are equal in both stay together, on it or off it. The measured values count, not their intervals.

    Args:
        points: (cost, accuracy); less of the one is better, more of the other.
    """
    # By rising cost, of equal cost the most accurate first: a point is beaten by a cheaper one at least as
    # accurate, or by one of its own cost that is more accurate.
    order = sorted(range(len(points)), key=lambda place: (points[place][0], -points[place][1]))
    front = [False] * len(points)
    best: tuple[float, float] | None = None
    for place in order:
        if best is None or points[place][1] > best[1] or points[place] == best:
            front[place] = True
            best = points[place]
    return tuple(front)
