"""The Pareto front: networks for which no other is both cheaper and as accurate, intervals considered."""

from collections.abc import Sequence
from dataclasses import dataclass

from compress.report.results import Span


@dataclass(frozen=True)
class Priced:
    """A network's cost (less is better) and its accuracy (more is better)."""

    cost: Span
    accuracy: Span

    def beats(self, other: "Priced") -> bool:
        """Whether this network dominates the other.

        Costs whose intervals overlap count as equal; then only an accuracy whose interval lies above the other's
        dominates. A clearly cheaper network dominates if its measured accuracy is at least as high: intervals of
        separate samples are too wide to compare answers to the same images.
        """
        if _overlap(self.cost, other.cost):
            return self.accuracy[1] > other.accuracy[2]
        return self.cost[0] < other.cost[0] and self.accuracy[0] >= other.accuracy[0]

    def equals(self, other: "Priced") -> bool:
        """Whether the intervals of cost and of accuracy both overlap."""
        return _overlap(self.cost, other.cost) and _overlap(self.accuracy, other.accuracy)


def on_front(networks: Sequence[Priced]) -> tuple[bool, ...]:
    """Whether each network is on the front: no other dominates it; of equal networks only the first is."""
    front: list[Priced] = []
    found = []
    for network in networks:
        better = any(other.beats(network) for other in networks) or any(other.equals(network) for other in front)
        front += [] if better else [network]
        found.append(not better)
    return tuple(found)


def _overlap(one: Span, other: Span) -> bool:
    return one[1] <= other[2] and other[1] <= one[2]
