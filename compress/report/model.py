"""The report of a run: every number with what it was measured on. Versioned, frozen, never NaN."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from compress.verify.accuracy import AccuracyDrop, AccuracyReport
from exporters.latency import LatencyComparison
from exporters.parity import ParityReport

SCHEMA_VERSION: Final = "1.0"

Role = Literal["original", "candidate", "extra"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, revalidate_instances="always")


class DataFacts(_Part):
    """The images: how many of each split, and which exactly (sha256 over data and split)."""

    name: str
    classes: tuple[str, ...]
    train: int
    val: int
    test: int
    fingerprint: str
    image_size: int
    channels: int


class NetworkRow(_Part):
    """One network of the verdict, measured on its file.

    Attributes:
        label: the name in the tables: "original", "pruned (P)".
        role: the original, the candidate that is judged against it, or an extra row.
        file: the ONNX file, relative to the run folder.
        sha256: of that file.
        size_bytes: of that file.
        parameters: trainable numbers of the module.
        macs: multiply-accumulates for one image.
        kept_macs: MACs as a fraction of the original's.
        kept_parameters: parameters as a fraction of the original's.
        epochs: passes over the training images, all stages together; ``None`` for weights from elsewhere.
        accuracy: of the file, on the test images.
        drop: Top-1 against the original, on the same images; ``None`` for the original itself.
        parity: the file against the module.
    """

    label: str
    role: Role
    file: str
    sha256: str
    size_bytes: int
    parameters: int
    macs: int
    kept_macs: float
    kept_parameters: float
    epochs: int | None
    accuracy: AccuracyReport
    drop: AccuracyDrop | None
    parity: ParityReport


class BudgetFacts(_Part):
    """Fractions of the original asked for (``None``: not asked) and reached, and why they differ."""

    asked_macs: float | None
    asked_parameters: float | None
    achieved_macs: float
    achieved_parameters: float
    align: int
    note: str = ""


class LayerRow(_Part):
    """Channels of one layer before and after removal."""

    name: str
    kind: str
    in_before: int
    in_after: int
    out_before: int
    out_after: int


class SearchFacts(_Part):
    """The search: its settings, when it converged (an epoch from 1) and numbers per epoch."""

    preset: str
    population: int
    iterations: int
    converged_at: int | None
    seconds: float
    history: tuple[dict[str, float], ...]


class RemovalFacts(_Part):
    """Masked network against physically smaller one, on real images."""

    images: int
    max_abs_difference: float
    tolerance: float
    batchnorm_recalibrated: bool


class RunReport(_Part):
    """One run, whole.

    Attributes:
        schema_version: of this document.
        created: UTC, ISO 8601.
        seconds: per stage.
        config: the run's settings.
        environment: machine and versions.
    """

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    created: str
    compress_version: str
    run_name: str
    config: dict[str, JsonValue]
    environment: dict[str, JsonValue]
    data: DataFacts
    networks: tuple[NetworkRow, ...]
    budget: BudgetFacts
    layers: tuple[LayerRow, ...]
    search: SearchFacts
    removal: RemovalFacts
    latency: tuple[LatencyComparison, ...]
    seconds: dict[str, float]
    notes: tuple[str, ...]

    @model_validator(mode="after")
    def _one_original_one_candidate(self) -> "RunReport":
        roles = [network.role for network in self.networks]
        if roles.count("original") != 1 or roles.count("candidate") != 1:
            raise ValueError(f"expected one original and one candidate among the networks, got {roles}")
        if self.candidate.drop is None:
            raise ValueError("expected the candidate's drop against the original, got none")
        return self

    @property
    def original(self) -> NetworkRow:
        """The network everything is compared with."""
        return next(network for network in self.networks if network.role == "original")

    @property
    def candidate(self) -> NetworkRow:
        """The network that is judged."""
        return next(network for network in self.networks if network.role == "candidate")
