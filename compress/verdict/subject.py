"""A file under judgement, and what is known of it before it is measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from compress.runs.file_records import Precision, Role
from compress.verdict.files import FileSpec
from exporters.read.parity import ParityReport
from exporters.write.int8 import Quantization


@dataclass(frozen=True)
class Subject:
    """One row to be: see ``NetworkRow`` for the fields.

    Attributes:
        spec: the file, opened and understood.
        file: its name in the report.
    """

    label: str
    role: Role
    spec: FileSpec
    file: str
    precision: Precision
    parameters: int
    macs: int
    epochs: int | None = None
    denormals_flushed: int | None = None
    parity: ParityReport | None = None
    source: str | None = None
    quantization: Quantization | None = None


def by_role(subjects: Sequence[Subject], role: Role) -> Subject:
    """The first subject of a role; every verdict has one original and one candidate."""
    return next(subject for subject in subjects if subject.role == role)
