"""The comparison of several reports, as typed values."""

from collections.abc import Callable
from typing import Final, Literal

from compress.report.compare.pareto import Span
from compress.report.compare.protocol import Difference
from compress.report.results import AccuracyDrop, Rate
from compress.runs.file_records import Precision, Role
from compress.runs.frozen import Part

Cost = Literal["latency", "MACs", "size"]


class Setting(Part):
    """How the latencies in the table were measured."""

    batch_size: int
    threads: int


class ComparedRun(Part):
    """One report of the comparison.

    Attributes:
        key: its letter in the tables: "A".
        name: as its reader knows it, its own among all.
        created: UTC, ISO 8601.
        compress_version: that measured it.
        arch: of the network; ``None`` for files from elsewhere.
        dataset: name of the data set.
        image_size: in pixels.
    """

    key: str
    name: str
    created: str
    compress_version: str
    arch: str | None
    dataset: str
    image_size: int


class RowLatency(Part):
    """Median milliseconds a call, and how many times as fast as its own original; of an original without that."""

    p50_ms: float
    p50_low_ms: float
    p50_high_ms: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    noisy: bool

    @property
    def relative(self) -> tuple[float, float, float]:
        """Time per call as a share of its own original's, with its interval: medians of other pairs do not compare."""
        if self.ratio is None or self.ratio_low is None or self.ratio_high is None:
            return 1.0, 1.0, 1.0
        return 1 / self.ratio, 1 / self.ratio_high, 1 / self.ratio_low


class ComparedRow(Part):
    """One network.

    Attributes:
        runs: keys of the reports that have it: several where they share an original.
        network: its label there.
        role: in its report.
        sha256: of the file.
        precision: of its weights.
        top1: on the test images.
        drop: against its own report's original; ``None`` for an original.
        latency: at the comparison's setting; ``None`` where it was not measured.
        macs: multiply-accumulates for one image.
        parameters: numbers in its weights.
        size_bytes: of the file.
        fronts: costs for which no other network of the table is cheaper and as accurate, nor one above it equal
            as far as the intervals tell.
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
    """Reports side by side.

    Attributes:
        runs: one a report, in the order they were given.
        setting: batch size and threads of the latencies; ``None`` where no setting is common to all.
        unlike: facts in which the protocols differ; empty unless the comparison was forced.
        rows: every network, the first report's first.
        notes: what the reader has to know.
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
