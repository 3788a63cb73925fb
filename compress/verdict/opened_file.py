"""A file to be measured: what is known of it, and what it takes and gives."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from compress.data.bundle import DataBundle
from compress.exporter_faults import as_bad_input
from compress.runs.file_records import FileRecord, Role
from exporters.measure.calls import RunnableFile
from exporters.read.cost import OnnxCost, count_cost
from exporters.read.preparation import Preparation
from exporters.read.signature import Signature


@dataclass(frozen=True)
class FileSpec:
    """What an ONNX classifier takes and gives, read from the file and tried on some images.

    Attributes:
        path: as given.
        sha256: of its bytes, followed by those of its external data.
        size_bytes: of the file and its external data.
        signature: what it takes and gives; ``classes`` is always known.
        preparation: what is done to 8-bit pixels before they go in.
        image_size: height and width of its images, pixels.
        class_order: for every class of the data set its place in the output; ``None``: the same order.
        gives_probabilities: whether its scores are probabilities, of which ``classify`` takes the logarithm.
        notes: what was assumed about it.
        data: the data set at ``image_size``.
    """

    path: Path
    sha256: str
    size_bytes: int
    signature: Signature
    preparation: Preparation
    image_size: int
    class_order: tuple[int, ...] | None
    gives_probabilities: bool
    notes: tuple[str, ...]
    data: DataBundle = field(repr=False)

    @cached_property
    def cost(self) -> OnnxCost:
        """Parameters, MACs, precision, counted in the graph when first asked for.

        Raises:
            BadInputError: the file cannot be run.
        """
        with as_bad_input():
            return count_cost(self.path, image_size=self.image_size, signature=self.signature)

    @property
    def runnable(self) -> RunnableFile:
        """The file as the measurements of time and memory take it."""
        return RunnableFile(self.path, image_size=self.image_size, signature=self.signature)

    def takes_batch(self, batch_size: int) -> bool:
        """Whether the file can be called with so many images."""
        return self.signature.batch in (None, batch_size)


@dataclass(frozen=True)
class OpenedFile:
    """A file to be measured: its record, and what it takes and gives."""

    record: FileRecord
    spec: FileSpec

    @property
    def label(self) -> str:
        """Name of its row."""
        return self.record.label


def by_role(files: Iterable[OpenedFile], role: Role) -> OpenedFile:
    """The first file of a role; every verdict has one original and one candidate."""
    return next(file for file in files if file.record.role == role)
