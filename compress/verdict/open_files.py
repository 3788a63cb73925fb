"""Open ONNX classifiers from anywhere, and run them on a data set.

Axes: N images, K classes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from compress.data.bundle import DataBundle
from compress.errors import BadInputError, UsageError
from compress.exporter_faults import as_bad_input
from compress.runs import RunFolder
from compress.runs.file_records import FileRecord, Role
from compress.settings.verify import UserOverrides
from compress.verdict import file_metadata
from exporters.measure.calls import RunnableFile
from exporters.read.classifier import open_session
from exporters.read.cost import OnnxCost, count_cost
from exporters.read.logits import predict_logits
from exporters.read.onnx_file import read_onnx
from exporters.read.preparation import Conversion, Preparation
from exporters.read.signature import Signature, shared_batch, signature_of
from exporters.read.try_out import try_out

Loader = Callable[[Mapping[str, Any]], DataBundle]
"""The data set with settings of ``PreprocessingSettings``: ``image_size`` and those that resize and crop."""

PROBE: Final = 32
"""Test images on which a file is tried when it is opened."""

_SUM_WITHIN: Final = 0.02  # of 1, for probabilities; the steps of 8 bits add up


@dataclass(frozen=True)
class FileSpec:
    """What an ONNX classifier takes and gives, read from the file and tried on some images."""

    path: Path
    sha256: str  # of its bytes, followed by those of its external data
    size_bytes: int  # of the file and its external data
    signature: Signature  # ``classes`` is always known
    preparation: Preparation  # what is done to 8-bit pixels before they go in
    class_order: tuple[int, ...] | None  # for every class of the data set its place in the output; ``None``: the same
    gives_probabilities: bool  # ``classify`` takes the logarithm of its scores
    notes: tuple[str, ...]  # what was assumed about it
    data: DataBundle = field(repr=False)  # at the file's image size

    @property
    def image_size(self) -> int:
        """Height and width of its images, pixels."""
        return self.data.preprocessing.image_size

    @cached_property
    def cost(self) -> OnnxCost:
        """Parameters, MACs, precision, counted in the graph when first asked for; BadInputError if it cannot run."""
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


def by_role(files: Iterable[OpenedFile], role: Role) -> OpenedFile:
    """The first file of a role; there is always one original and one candidate."""
    return next(file for file in files if file.record.role == role)


def open_files(
    original: Path, candidate: Path, load: Loader, *, overrides: UserOverrides | None = None
) -> tuple[FileSpec, FileSpec]:
    """Open two files that are compared, each with images of its own size and framing; errors as ``open_file``.

    They may be from anywhere, so each is first tried in a process with limits of time and memory: BadInputError if one
    exceeds them. UsageError if neither takes the image size that the user states.
    """
    overrides, paths = overrides or UserOverrides(), (original, candidate)
    called = [_try_out(path, overrides, channels=3) for path in paths]
    asked = [_image_settings(path, overrides) for path in paths]
    sizes = [how["image_size"] for how in asked]
    if overrides.image_size is not None and overrides.image_size not in sizes:
        raise UsageError(
            f"expected an image size that a file takes, got --image-size {overrides.image_size}: {original} takes "
            f"{sizes[0]} and {candidate} {sizes[1]} pixels; try without --image-size"
        )
    known = next((size for size in sizes if size is not None), None)
    first, second = (how | {"image_size": how["image_size"] or known} for how in asked)  # a free size is the other's
    data = load(first)
    both = (data, data if second == first else load(second))
    for path, images, was_called in zip(paths, both, called, strict=True):
        if not was_called:
            shown = images.preprocessing
            _try_out(path, overrides, channels=shown.channels, image_size=shown.image_size)
    one, two = (open_file(path, images, overrides=overrides) for path, images in zip(paths, both, strict=True))
    notes = two.notes
    if one.image_size != two.image_size:
        note = f"{candidate.name} reads the images at {two.image_size} pixels, {original.name} at {one.image_size}"
        notes = (*notes, note)
    elif one.data.preprocessing.resize != two.data.preprocessing.resize:
        ours, theirs = (spec.data.preprocessing.resize for spec in (two, one))
        notes = (*notes, f"{candidate.name} gets its images so: {ours}; {original.name} so: {theirs}")
    if shared_batch(one.signature, two.signature) is None:
        note = f"fixed batches of {one.signature.batch} and {two.signature.batch}: no times can be compared"
        notes = (*notes, note)
    return one, replace(two, notes=notes)


def open_file(path: Path, data: DataBundle, *, overrides: UserOverrides | None = None) -> FileSpec:
    """Open one ONNX image classifier for a data set at its image size, and try it on some test images.

    ``overrides`` is what the user states where the file's metadata does not; UsageError if that does not fit.
    BadInputError if the file is missing, damaged, no image classifier, or does not fit the data set.
    """
    overrides, name, shown = overrides or UserOverrides(), path.name, data.preprocessing
    with as_bad_input():
        file = read_onnx(path)
        signature, metadata = look_into(path, overrides, channels=shown.channels)
    _check_fit(signature, data, path)
    with as_bad_input():
        signature.call_shape(batch_size=signature.batch or 1, image_size=shown.image_size)
    preparation, notes = file_metadata.read_preparation(metadata, signature, overrides, data, source=name)
    scores_NK = _probe(path, data, Conversion(shown.preparation, preparation, signature))
    _framing, framing_notes = file_metadata.read_framing(metadata, overrides, source=name)
    order, order_notes = file_metadata.read_class_order(metadata, data, source=name)
    sums_to_one = (np.abs(scores_NK.sum(axis=1) - 1) <= _SUM_WITHIN).all()
    probabilities = bool((scores_NK >= 0).all() and sums_to_one)
    if signature.batch is not None:
        notes = (*notes, f"{name} takes a fixed batch of {signature.batch}: other batch sizes are not measured")
    if signature.channels != shown.channels:
        notes = (*notes, f"{name} takes RGB: the grey images' channel is repeated")
    if probabilities:
        notes = (*notes, f"{name} gives probabilities: their logarithm stands for logits")
    elif ((scores_NK >= 0) & (scores_NK <= 1)).all():
        notes = (*notes, f"{name} gives scores of 0 to 1 that do not add up to 1: its loss and calibration say little")
    return FileSpec(
        path=path,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        signature=replace(signature, classes=scores_NK.shape[1]),
        preparation=preparation,
        class_order=order,
        gives_probabilities=probabilities,
        notes=(*notes, *order_notes, *framing_notes, *file_metadata.read_resize(metadata, data, source=name)),
        data=data,
    )


def try_recorded(run: RunFolder, rel: str, data: DataBundle) -> None:
    """Try a run's file as one from elsewhere, as the whole run may be; not what this process has just written."""
    if not run.wrote(rel):
        how = data.preprocessing
        _try_out(run.path / rel, UserOverrides(), channels=how.channels, image_size=how.image_size)


def _try_out(path: Path, overrides: UserOverrides, *, channels: int, image_size: int | None = None) -> bool:
    """Whether the file was called, in a process of its own; its errors as in ``open_file``."""
    with as_bad_input():
        return try_out(path, layout=overrides.layout, channels=channels, image_size=image_size)


def _image_settings(path: Path, overrides: UserOverrides) -> dict[str, Any]:
    """The settings of a file's images: their size, ``None`` where it is free, and how they are resized and cropped."""
    with as_bad_input():
        signature, metadata = look_into(path, overrides, channels=3)  # free channels do not matter for the size
    size = file_metadata.read_image_size(metadata, signature, overrides, source=str(path))
    framing, _notes = file_metadata.read_framing(metadata, overrides, source=path.name)
    return framing | {"image_size": size}


def look_into(path: Path, overrides: UserOverrides, *, channels: int) -> tuple[Signature, dict[str, str]]:
    """What a file takes and gives, and its metadata; ``channels`` is where its shape leaves them free."""
    session = open_session(path, threads=1)
    signature = signature_of(session, layout=overrides.layout, channels=channels, source=str(path))
    return signature, dict(session.get_modelmeta().custom_metadata_map)


def _check_fit(signature: Signature, data: DataBundle, path: Path) -> None:
    size, channels = data.preprocessing.image_size, data.preprocessing.channels
    if (signature.height or size, signature.width or size) != (size, size):
        raise BadInputError(
            f"expected images of {signature.height} x {signature.width} pixels as {path} takes them, got {size} x "
            f"{size}; try the data set at that size, with --image-size"
        )
    if signature.channels < channels:
        raise BadInputError(
            f"expected grey images as {path} takes them, got the data set {data.name} of RGB images: colours are "
            "not dropped; try a file that takes RGB, or a data set of grey images"
        )


def _probe(path: Path, data: DataBundle, conversion: Conversion) -> np.ndarray:
    """Scores [N, K] of some test images: does the file run, and are they scores of this data set's classes?"""
    images = (images for images, _labels in islice(data.test.batches(PROBE), 1))
    with as_bad_input():
        scores_NK = predict_logits(path, images, threads=1, conversion=conversion)
    check_finite(scores_NK, path)
    if scores_NK.shape[1] != len(data.classes):
        raise BadInputError(
            f"expected a score for each of the {len(data.classes)} classes of the data set {data.name}, {path} gives "
            f"{scores_NK.shape[1]}; try the data set that it was trained on"
        )
    return scores_NK


def check_finite(scores_NK: np.ndarray, path: Path) -> None:
    """BadInputError where a file gives scores [N, K] that are not finite."""
    bad = int((~np.isfinite(scores_NK).all(axis=1)).sum())
    if bad:
        raise BadInputError(
            f"expected finite scores, {path} gives NaN or infinity for {bad:,} of {len(scores_NK):,} test images; "
            "try --mean and --std, if it was trained on images prepared in another way, or export it again"
        )
