"""The report of a race: every cell with its measurements. Versioned, frozen, never NaN."""

from typing import Final, Literal, Self

from pydantic import JsonValue, model_validator

from compress.report.model import DataFacts
from compress.report.race.budget import BUDGET_SETTINGS, CellBudget
from compress.report.results import AccuracyDrop, Rate
from compress.runs.file_records import Part

SCHEMA_VERSION: Final = "1.1"
"""Races of schema 1.0 have budgets of MACs alone; they are read as they are."""

Outcome = Literal["finished", "diverged", "not applicable", "failed", "waiting"]


class CellTiming(Part):
    """Latency of the pruned file against the original; see ``LatencyComparison``."""

    batch_size: int
    threads: int
    ratio: float
    ratio_low: float
    ratio_high: float
    noisy: bool


class CellResult(Part):
    """The measurements of a finished cell's pruned network, and which test images it classifies correctly.

    ``report_sha256`` is that of its ``report.json``, ``original`` the label of the unpruned network that was trained
    for as many epochs; ``drop`` is against it, on the same images, and what is kept are fractions of it. ``macs`` are
    for one image. ``timing`` is at the smallest batch size with the fewest threads; ``None`` if nothing was timed. In
    ``seconds`` by stage, a stage copied from another cell keeps its duration there. ``right`` has one bit for every
    test image, 1 if the pruned network is correct: hexadecimal digits, the first image is the highest bit of the first
    digit, padded with zeros.
    """

    report_sha256: str
    original: str
    original_top1: Rate
    top1: Rate
    drop: AccuracyDrop
    macs: int
    parameters: int
    kept_macs: float
    kept_parameters: float
    timing: CellTiming | None
    seconds: dict[str, float]
    right: str


class RaceCell(Part):
    """One cell: its settings, its run folder (relative to the race's), its outcome, and why it did not finish.

    One of the settings of its budget is given: the share of the MACs to keep, how many times as fast as the original
    it has to be, or the milliseconds that a call may take. A cell that has not run yet, or was interrupted, is waiting.
    """

    method: str
    keep_macs: float | None = None
    target_speedup: float | None = None
    target_latency_ms: float | None = None
    seed: int
    folder: str
    outcome: Outcome = "waiting"
    reason: str = ""
    result: CellResult | None = None

    @model_validator(mode="after")
    def _check_budget(self) -> Self:
        given = [name for name in BUDGET_SETTINGS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of {', '.join(BUDGET_SETTINGS)}, got {' and '.join(given) or 'none'}")
        return self

    @property
    def budget(self) -> CellBudget:
        """The budget that its network meets."""
        values = ((name, getattr(self, name)) for name in BUDGET_SETTINGS)
        return next(CellBudget(name, value) for name, value in values if value is not None)


class RaceReport(Part):
    """A whole race, called like its folder, and its cells in running order.

    ``created`` is UTC in ISO 8601, ``leader`` the method that the others are compared with. All cells share ``config``
    and ``session``, onnxruntime's options; ``data`` is ``None`` until the first cell has finished.
    """

    schema_version: Literal["1.0", "1.1"] = SCHEMA_VERSION
    created: str
    compress_version: str
    name: str
    leader: str
    config: dict[str, JsonValue]
    environment: dict[str, JsonValue]
    session: dict[str, str]
    data: DataFacts | None
    cells: tuple[RaceCell, ...]

    @property
    def timing(self) -> CellTiming | None:
        """The first cell's; all are timed in the same way."""
        return next((cell.result.timing for cell in self.cells if cell.result and cell.result.timing), None)
