"""The report: every number with what it was measured on. Versioned, frozen, never NaN; JSON is read strictly."""

import json
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, JsonValue, ValidationError, model_validator

from compress.errors import BadInputError
from compress.escaping import in_json
from compress.exporter_faults import read_file
from compress.json_text import parse_json, schema_faults
from compress.lists import listed_lines
from compress.report.consistency import faults_of
from compress.report.devices.model import DeviceReport
from compress.report.latency_facts import LatencyBudget
from compress.report.results import AccuracyDrop, AccuracyReport, Comparison, GateResult, Placement
from compress.runs import RunFolder
from compress.runs.file_records import FileRecord, Part
from compress.settings.config import Method
from compress.structure.remove import LayerChange
from exporters.measure.latency_results import LatencyComparison
from exporters.measure.memory import MemoryUse
from exporters.measure.profile import OperatorProfile
from exporters.read.session import CPU_PROVIDER
from exporters.read.signature import Signature

SCHEMA_VERSION: Final = "2.0"
REPORT: Final = "report.json"
MAX_BYTES: Final = 2**28
"""Limit for the file of a report."""

_MOST_FAULTS: Final = 5  # named of a report that contradicts itself


class DataFacts(Part):
    """The images: how many of each split, and which exactly.

    ``fingerprint`` is the sha256 over all images, labels and splits (another seed holds out other images to validate),
    ``test_fingerprint`` that over the test images and their labels: numbers with the same one can be compared.
    """

    name: str
    classes: tuple[str, ...]
    train: int
    val: int
    test: int
    fingerprint: str
    test_fingerprint: str
    image_size: int
    channels: int
    resize: str


class NetworkRow(FileRecord):
    """One row of the report: an ONNX file and what was measured on the test images.

    ``preprocessing`` states what is done to 8-bit pixels before they go in; ``kept_macs`` and ``kept_parameters`` are
    fractions of the original's. ``drop`` is against the original, whose own ``drop`` and ``comparison`` are ``None``;
    ``source_drop`` is against the file it was made from. ``placement`` is ``None`` on the CPU.
    """

    signature: Signature
    preprocessing: str
    kept_macs: float
    kept_parameters: float
    accuracy: AccuracyReport
    drop: AccuracyDrop | None
    comparison: Comparison | None
    source_drop: AccuracyDrop | None = None
    memory: MemoryUse | None
    placement: Placement | None = None


class LatencyRow(Part):
    """Two rows' files timed against each other; ``original`` and ``candidate`` are their labels."""

    original: str
    candidate: str
    comparison: LatencyComparison


class ChangedImage(Part):
    """A test image that one network has right and the other has not: place in the test split, class and answers.

    ``png`` is in base64, at most 96 pixels a side.
    """

    index: int
    truth: int
    original: int
    candidate: int
    png: str


class BudgetFacts(Part):
    """Fractions of the original asked for (``None``: not asked) and reached, and why they differ."""

    asked_macs: float | None
    asked_parameters: float | None
    achieved_macs: float
    achieved_parameters: float
    align: int
    note: str = ""
    latency: LatencyBudget | None = None


class SearchFacts(Part):
    """The search: its settings, the epoch of the run in which it converged, numbers per epoch (none if at once)."""

    preset: str
    population: int
    iterations: int
    converged_at: int | None
    seconds: float
    history: tuple[dict[str, float], ...]


class RemovalFacts(Part):
    """Masked network against physically smaller one, on real images."""

    images: int
    max_abs_difference: float
    tolerance: float
    batchnorm_recalibrated: bool


class RunFacts(Part):
    """How compress made the files; ``training`` has the numbers per epoch of each stage that trains ("01_baseline")."""

    config: dict[str, JsonValue]
    budget: BudgetFacts
    layers: tuple[LayerChange, ...]
    search: SearchFacts
    removal: RemovalFacts
    training: dict[str, tuple[dict[str, float], ...]]
    seconds: dict[str, float]

    @property
    def method(self) -> Method:
        """What chose the channels: EDropout in runs that were made before there was a choice."""
        return next((method for method in get_args(Method) if method == self.config.get("method")), "edropout")


class Report(Part):
    """The verdict on a run, or on any two files (``run`` is ``None``).

    ``created`` is in UTC, ISO 8601. ``environment`` is the machine at the time of the measurement, ``session`` are
    onnxruntime's options for every number here. ``changed`` are some test images whose answer changed. ``devices`` are
    what other machines measured of the same files.
    """

    schema_version: Literal["2.0"] = SCHEMA_VERSION
    created: str
    compress_version: str
    name: str
    environment: dict[str, JsonValue]
    session: dict[str, str]
    data: DataFacts
    networks: tuple[NetworkRow, ...]
    latency: tuple[LatencyRow, ...]
    operators: OperatorProfile | None
    changed: tuple[ChangedImage, ...]
    gates: tuple[GateResult, ...]
    run: RunFacts | None
    notes: tuple[str, ...]
    devices: tuple[DeviceReport, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "Report":
        if faults := list(faults_of(self)):
            raise ValueError("; ".join(faults[:_MOST_FAULTS]))
        return self

    @property
    def provider(self) -> str:
        """The execution provider that all answers and times are of."""
        return self.session.get("provider", CPU_PROVIDER)

    @property
    def on_cpu(self) -> bool:
        """Whether that is the CPU."""
        return self.provider == CPU_PROVIDER

    @property
    def original(self) -> NetworkRow:
        """The network everything is compared with."""
        return next(network for network in self.networks if network.role == "original")

    @property
    def candidate(self) -> NetworkRow:
        """The network that is judged."""
        return next(network for network in self.networks if network.role == "candidate")

    @property
    def drop(self) -> AccuracyDrop:
        """The candidate's Top-1 against the original's."""
        assert self.candidate.drop is not None  # the validator's rule
        return self.candidate.drop

    def timings(self, candidate: str, *, against: str) -> tuple[LatencyComparison, ...]:
        """The comparisons of two rows, by label; smallest batch first, then fewest threads."""
        found = [row.comparison for row in self.latency if (row.original, row.candidate) == (against, candidate)]
        return tuple(sorted(found, key=lambda row: (row.batch_size, row.threads)))


def dump_report(report: BaseModel) -> str:
    """A report as JSON that is read back to an equal value; the same text every time."""
    return in_json(report.model_dump_json(indent=2)) + "\n"


def document_schema(model: type[BaseModel]) -> str:
    """The JSON schema of a report's JSON."""
    return json.dumps(model.model_json_schema(mode="serialization"), indent=2) + "\n"


def recorded_report(run: RunFolder) -> Report:
    """A run's report, checked against its manifest; ``BadInputError`` if there is none, or of another schema."""
    if not run.has(REPORT):
        raise BadInputError(f"{run.path} has no report yet: {run.advice()}")
    return parse_report(run.read_text(REPORT), source=str(run.path / REPORT))


def parse_report(text: str, *, source: str) -> Report:
    """Read a report from JSON; ``source`` names the file in the ``BadInputError`` about damage or another schema."""
    document = parse_json(text, source=source)
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise BadInputError(
            f"expected a report of schema {SCHEMA_VERSION}, {source} has {version!r}; "
            "try `compress verify` on its run, which measures the files anew"
        )
    try:
        return Report.model_validate_json(text, strict=True)
    except ValidationError as error:
        faults = listed_lines(schema_faults(error, whole="report"), most=_MOST_FAULTS)
        raise BadInputError(f"{source} is not a complete report:{faults}") from None


def read_report(path: Path) -> Report:
    """Read ``report.json``; raises ``BadInputError`` where it is missing or not a report of this version."""
    try:
        text = read_file(path, limit=MAX_BYTES, kind="report").decode()
    except UnicodeDecodeError as error:
        raise BadInputError(f"cannot read the report {path}: {error}") from None
    return parse_report(text, source=str(path))
