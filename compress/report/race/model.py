"""The report of a race: every cell with what was measured of it. Versioned, frozen, never NaN."""

from typing import Final, Literal

from pydantic import JsonValue

from compress.report.model import DataFacts
from compress.report.results import AccuracyDrop, Rate
from compress.runs.frozen import Part

SCHEMA_VERSION: Final = "1.0"

Outcome = Literal["finished", "diverged", "not applicable", "failed", "waiting"]


class CellTiming(Part):
    """The pruned file timed against the original; see ``LatencyComparison``."""

    batch_size: int
    threads: int
    ratio: float
    ratio_low: float
    ratio_high: float
    noisy: bool


class CellResult(Part):
    """What a finished cell's report says, and which test images it has right.

    Attributes:
        report_sha256: of its ``report.json``.
        original: the row it is compared with: the unpruned network, trained for as many epochs.
        original_top1: of that row.
        top1: of the pruned network.
        drop: Top-1 of that original minus that of the pruned network, on the same images.
        macs: of the pruned network, for one image.
        parameters: of the pruned network.
        kept_macs: as a fraction of the original's.
        kept_parameters: as a fraction of the original's.
        timing: at the smallest batch and fewest threads; ``None`` where nothing was timed.
        seconds: stage -> how long it took; a stage that was taken from another cell counts as it took there.
        right: one bit a test image, whether the pruned network has it right: hexadecimal digits, the first
            image is the highest bit of the first digit, padded with zeros.
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
    """One cell: what was asked, where its run folder is, and what came of it.

    Attributes:
        method: what chose the channels.
        keep_macs: the share of the MACs that was asked for.
        seed: of everything random.
        folder: its run folder, relative to the race's.
        outcome: how it ended; "waiting": its turn has not come, or it was cut short.
        reason: why it did not finish.
        result: of a finished one.
    """

    method: str
    keep_macs: float
    seed: int
    folder: str
    outcome: Outcome = "waiting"
    reason: str = ""
    result: CellResult | None = None


class RaceReport(Part):
    """A race, whole.

    Attributes:
        schema_version: of this document.
        created: UTC, ISO 8601.
        name: of the race's folder.
        leader: the method that the others are held against.
        config: the settings that all cells share.
        environment: machine and versions.
        session: onnxruntime's options, name -> value.
        data: the images; ``None`` before the first cell has finished.
        cells: in the order in which they run.
    """

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    created: str
    compress_version: str
    name: str
    leader: str
    config: dict[str, JsonValue]
    environment: dict[str, JsonValue]
    session: dict[str, str]
    data: DataFacts | None
    cells: tuple[RaceCell, ...]
