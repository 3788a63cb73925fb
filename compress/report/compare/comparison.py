"""The comparison of several reports, as typed values, and the Pareto front.

On the front are networks for which no other is both cheaper and as accurate, intervals considered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final, Literal

from compress.report.results import AccuracyDrop, Rate, Span
from compress.runs.file_records import Part, Precision, Role

Cost = Literal["latency", "MACs", "size"]


class Setting(Part):
    """How the latencies in the table were measured."""

    batch_size: int
    threads: int


class Difference(Part):
    """A fact of the protocol in which the reports differ, and its value by the report's key."""

    fact: str
    values: dict[str, str]


class ComparedRun(Part):
    """One report of the comparison: ``key`` is its letter in the tables, no other has its ``name``.

    ``created`` is UTC in ISO 8601, ``image_size`` in pixels, ``arch`` ``None`` for files that no run made.
    """

    key: str
    name: str
    created: str
    compress_version: str
    arch: str | None
    dataset: str
    image_size: int


class RowLatency(Part):
    """Median milliseconds per call, and how many times as fast as the run's own original (``None`` for an original)."""

    p50_ms: float
    p50_low_ms: float
    p50_high_ms: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    noisy: bool

    @property
    def relative(self) -> Span:
        """Time per call as a share of the run's own original, with its interval; comparable between runs."""
        if self.ratio is None or self.ratio_low is None or self.ratio_high is None:
            return 1.0, 1.0, 1.0
        return 1 / self.ratio, 1 / self.ratio_high, 1 / self.ratio_low


class ComparedRow(Part):
    """One network: its file and its measurements in the report.

    ``runs`` are the keys of the reports that have it (several if they share an original), ``network`` is its label
    there. ``drop`` is against the original of its report (``None`` for that one), ``latency`` at the comparison's
    setting (``None`` if not measured); ``macs`` are for one image. ``fronts`` are the costs for which the network is on
    the Pareto front, ``unlike`` its values of the protocol's facts that are not the same in all reports.
    """

    runs: tuple[str, ...]
    network: str
    role: Role
    sha256: str
    precision: Precision
    top1: Rate
    drop: AccuracyDrop | None
    latency: RowLatency | None
    macs: int
    parameters: int
    size_bytes: int
    fronts: tuple[Cost, ...]
    unlike: dict[str, str]

    @property
    def label(self) -> str:
        """Its name in the tables: "A pruned", "A, B original"."""
        return f"{', '.join(self.runs)} {self.network}"


class ComparedDevice(Part):
    """What one device measured of two files of a run, by their labels; ``run`` is its key.

    ``ratio`` is how many times as fast the candidate is there; ``passed``: all files of the run gave the expected
    answers there.
    """

    run: str
    device: str
    candidate: str
    original: str
    batch_size: int
    threads: int
    p50_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float
    noisy: bool
    passed: bool


class RunComparison(Part):
    """Reports side by side, in the given order.

    ``setting`` is ``None`` if the reports have none in common; ``unlike`` is empty unless the comparison was forced.
    """

    runs: tuple[ComparedRun, ...]
    setting: Setting | None
    unlike: tuple[Difference, ...]
    rows: tuple[ComparedRow, ...]
    notes: tuple[str, ...]
    devices: tuple[ComparedDevice, ...] = ()


COSTS: Final[dict[Cost, Callable[[ComparedRow], Span | None]]] = {
    "latency": lambda row: None if row.latency is None else row.latency.relative,
    "MACs": lambda row: (row.macs,) * 3,
    "size": lambda row: (row.size_bytes,) * 3,
}
"""What a network costs, with the ends of its interval."""


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


def with_fronts(rows: Sequence[ComparedRow]) -> tuple[ComparedRow, ...]:
    """The rows with the costs for which each is on the front."""
    fronts: list[list[Cost]] = [[] for _ in rows]
    for cost, value_of in COSTS.items():
        priced = [
            (place, Priced(value, row.top1.percent))
            for place, row in enumerate(rows)
            if (value := value_of(row)) is not None
        ]
        is_best = on_front([network for _place, network in priced])
        for place, _network in compress(priced, is_best):
            fronts[place].append(cost)
    return tuple(row.model_copy(update={"fronts": tuple(on)}) for row, on in zip(rows, fronts, strict=True))


def _overlap(one: Span, other: Span) -> bool:
    return one[1] <= other[2] and other[1] <= one[2]
