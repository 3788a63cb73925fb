"""The comparison of several reports, as typed values."""

from collections.abc import Callable
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

    Attributes:
        runs: keys of the reports that have it; several if they share an original.
        network: its label in the report.
        drop: against the original of its report; ``None`` for an original.
        latency: at the comparison's setting; ``None`` if it was not measured.
        macs: for one image.
        fronts: costs for which the network is on the Pareto front.
        unlike: facts of the protocol that are not the same in all reports -> their value here.
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


class RunComparison(Part):
    """Reports side by side, in the given order.

    ``setting`` is ``None`` if the reports have none in common; ``unlike`` is empty unless the comparison was forced.
    """

    runs: tuple[ComparedRun, ...]
    setting: Setting | None
    unlike: tuple[Difference, ...]
    rows: tuple[ComparedRow, ...]
    notes: tuple[str, ...]


COSTS: Final[dict[Cost, Callable[[ComparedRow], Span | None]]] = {
    "latency": lambda row: None if row.latency is None else row.latency.relative,
    "MACs": lambda row: (row.macs,) * 3,
    "size": lambda row: (row.size_bytes,) * 3,
}
"""What a network costs, with the ends of its interval."""
