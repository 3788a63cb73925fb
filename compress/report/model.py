"""The report: every number with what it was measured on. Versioned, frozen, never NaN."""

from typing import Final, Literal

from pydantic import JsonValue, model_validator

from compress.report.results import AccuracyDrop, AccuracyReport, Comparison, GateResult
from compress.report.run_facts import Part, RunFacts
from compress.runs.file_records import Precision, Role
from exporters.measure.comparison import LatencyComparison
from exporters.measure.memory import MemoryUse
from exporters.measure.profile import OperatorProfile
from exporters.read.parity import ParityReport
from exporters.read.signature import Signature
from exporters.write.int8 import Quantization

SCHEMA_VERSION: Final = "2.0"


class DataFacts(Part):
    """The images: how many of each split, and which exactly.

    Attributes:
        fingerprint: sha256 over all images, labels and splits; another seed holds out other images to validate.
        test_fingerprint: sha256 over the test images and their labels: what numbers have to share to be compared.
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


class Origin(Part):
    """How a file was made from another file of the report (INT8, FP16, preprocessing inside).

    Attributes:
        source: label of the row it was made from.
        drop: Top-1 against that row, on the same images.
        quantization: for INT8.
    """

    source: str
    drop: AccuracyDrop
    quantization: Quantization | None = None


class NetworkRow(Part):
    """One network of the verdict, measured on its file.

    Attributes:
        label: the name in the tables: "original", "pruned (P)", "pruned int8".
        role: the original, the candidate that is judged against it, or an extra row.
        file: the ONNX file, relative to the run folder; for files from elsewhere their path as given.
        sha256: of that file.
        size_bytes: of that file, and of its external data if it has any.
        precision: of its weights, as far as most of them go.
        signature: what it takes and gives.
        preprocessing: in words, what is done to 8-bit pixels before they go in.
        parameters: trainable numbers of the module; of a file from elsewhere, numbers in its weights.
        macs: multiply-accumulates for one image.
        kept_macs: MACs as a fraction of the original's.
        kept_parameters: parameters as a fraction of the original's.
        epochs: passes over the training images, all stages together; ``None`` for weights from elsewhere.
        accuracy: of the file, on the test images.
        drop: Top-1 against the original, on the same images; ``None`` for the original itself.
        comparison: its answers against the original's; ``None`` for the original itself.
        parity: the file against the module; ``None`` where there is no module.
        denormals_flushed: weights too small for fast arithmetic that were set to 0; ``None`` where not known.
        memory: peak memory of the file.
        origin: the row it was made from; ``None`` for a row of its own.
    """

    label: str
    role: Role
    file: str
    sha256: str
    size_bytes: int
    precision: Precision
    signature: Signature
    preprocessing: str
    parameters: int
    macs: int
    kept_macs: float
    kept_parameters: float
    epochs: int | None
    accuracy: AccuracyReport
    drop: AccuracyDrop | None
    comparison: Comparison | None
    parity: ParityReport | None
    denormals_flushed: int | None
    memory: MemoryUse | None
    origin: Origin | None = None


class LatencyRow(Part):
    """Two rows' files timed against each other; ``original`` and ``candidate`` are their labels."""

    original: str
    candidate: str
    comparison: LatencyComparison


class ChangedImage(Part):
    """A test image that one network has right and the other has not.

    Attributes:
        index: its place in the test split.
        truth: its class's number.
        original: the original's answer.
        candidate: the candidate's answer.
        png: the image as PNG, base64, at most 96 pixels a side.
    """

    index: int
    truth: int
    original: int
    candidate: int
    png: str


class Report(Part):
    """A verdict, whole: of a run, or of any two files.

    Attributes:
        schema_version: of this document.
        created: UTC, ISO 8601.
        name: of the run, or of the two files.
        environment: machine and versions at the time of the measurement.
        session: onnxruntime's options, name -> value: the same for every number here.
        data: the images.
        networks: one row a file; exactly one original and one candidate.
        latency: pairs of files, at several batch sizes and thread counts.
        operators: time per layer, original beside candidate.
        changed: some test images whose answer changed.
        gates: limits that were asked for.
        run: how the files came about; ``None`` for files from elsewhere.
        notes: what the reader has to know.
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

    @model_validator(mode="after")
    def _fits_together(self) -> "Report":
        roles = [network.role for network in self.networks]
        if roles.count("original") != 1 or roles.count("candidate") != 1:
            raise ValueError(f"expected one original and one candidate among the networks, got {roles}")
        if self.candidate.drop is None:
            raise ValueError("expected the candidate's drop against the original, got none")
        labels = {network.label for network in self.networks}
        if len(labels) != len(self.networks):
            raise ValueError(f"expected a label of its own for every network, got {sorted(labels)}")
        named = {label for row in self.latency for label in (row.original, row.candidate)}
        named |= {network.origin.source for network in self.networks if network.origin is not None}
        if not named <= labels:
            raise ValueError(f"expected labels of networks, got {sorted(named - labels)}")
        return self

    @property
    def original(self) -> NetworkRow:
        """The network everything is compared with."""
        return next(network for network in self.networks if network.role == "original")

    @property
    def candidate(self) -> NetworkRow:
        """The network that is judged."""
        return next(network for network in self.networks if network.role == "candidate")

    def timings(self, candidate: str, *, against: str) -> tuple[LatencyComparison, ...]:
        """The comparisons of two rows, by label; smallest batch first, then fewest threads."""
        found = [row.comparison for row in self.latency if (row.original, row.candidate) == (against, candidate)]
        return tuple(sorted(found, key=lambda row: (row.batch_size, row.threads)))
