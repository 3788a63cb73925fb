"""The Pareto front: networks of which none is both better and cheaper, as far as their intervals can tell."""

from collections.abc import Sequence
from dataclasses import dataclass

Span = tuple[float, float, float]
"""A value with the ends of its interval; equal where it is exact."""


@dataclass(frozen=True)
class Priced:
    """A network's cost, of which less is better, and its accuracy."""

    cost: Span
    accuracy: Span

    def beats(self, other: "Priced") -> bool:
        """Whether nobody would take the other: it is clearly worse in one and not better in the other.

        Costs whose intervals overlap are equal; of equal costs only a clearly better accuracy beats. Of a
        clear difference in cost the accuracies decide by their values: their intervals are those of
        separate samples, and wider than what tells two answers to the same images apart.
        """
        if _overlap(self.cost, other.cost):
            return self.accuracy[1] > other.accuracy[2]
        return self.cost[0] < other.cost[0] and self.accuracy[0] >= other.accuracy[0]

    def equals(self, other: "Priced") -> bool:
        """Whether neither cost nor accuracy tells them apart."""
        return _overlap(self.cost, other.cost) and _overlap(self.accuracy, other.accuracy)


def on_front(networks: Sequence[Priced]) -> tuple[bool, ...]:
    """Whether each network is on the front; of those that nothing tells apart only the first is.

    Args:
        networks: those to prefer first.
    """
    front: list[int] = []
    for place, network in enumerate(networks):
        if not any(networks[other].beats(network) or networks[other].equals(network) for other in front):
            front = [other for other in front if not network.beats(networks[other])] + [place]
    return tuple(place in front for place in range(len(networks)))


def _overlap(one: Span, other: Span) -> bool:
    return one[1] <= other[2] and other[1] <= one[2]
