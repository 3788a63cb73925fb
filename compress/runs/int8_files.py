"""INT8 files of a data set's networks: calibrated on training images, judged on validation images, timed here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from compress.data.bundle import DataBundle, Split
from compress.data.order import stratified_holdout
from compress.environment import isa, usable_cores
from compress.errors import BadInputError
from compress.runs.file_records import FileRecord
from compress.settings.export import ExportSettings
from exporters.int8.choose import Chooser
from exporters.int8.quantize import Int8Settings, Quantization, quantize_int8
from exporters.int8.sensitivity import Judge, Stopwatch
from exporters.int8.source import Int8Types
from exporters.measure.layer_times import TimingLimits
from exporters.write.artifact import Artifact

_BATCH: Final = 16  # calibration by histograms holds all results of a batch: of VGG-16 at 224 pixels 120 MB an image
_SECONDS: Final = 0.15  # of timing, for each layer
_PRODUCTS_FIT: Final = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


@dataclass(frozen=True)
class Int8Maker:
    """Makes the INT8 file of any network of one data set, as the settings say."""

    wanted: ExportSettings
    data: DataBundle
    seed: int
    progress: Callable[[str], None] = lambda _what: None

    def record(self, source: FileRecord, folder: Path) -> FileRecord:
        """Make the INT8 file of a recorded one, which has its whole path; its record, with its path in ``folder``."""
        artifact, facts = self.make(Path(source.file), folder)
        return source.variant("int8", artifact, precision="int8", quantization=facts)

    def make(self, source: Path, folder: Path) -> tuple[Artifact, Quantization]:
        """Write ``<stem>.int8.onnx`` of a float32 file into ``folder``; ExportError if it cannot be made.

        BadInputError if there are no images.
        """
        settings = Int8Settings(
            types=int8_types(self.wanted.int8_for or "here", isa()),
            rule=None if self.wanted.calibration == "auto" else self.wanted.calibration,
            float_layers=self.wanted.float_layers,
        )
        self.progress(f"calibration of {source.stem}")
        target = folder / f"{source.stem}.int8.onnx"
        if not len(self.data.train):
            raise BadInputError(f"expected training images of {self.data.name} to calibrate INT8 with, got none")
        batches = _images(self._sample(self.data.train))
        return quantize_int8(source, target, batches, settings=settings, chooser=self._chooser(settings))

    def _chooser(self, settings: Int8Settings) -> Chooser | None:
        if settings.rule is not None and settings.float_layers is not None:
            return None
        split = self._sample(self.data.val)
        if not len(split):
            raise BadInputError(
                f"expected validation images of {self.data.name} to choose INT8 by, got none; try --calibration minmax "
                "--float-layers none, which choose nothing"
            )
        here = self.wanted.int8_for in (None, "here")
        judge = Judge([*_images(split)], split.labels.numpy(), threads=usable_cores(), emulated=not here)
        limits = TimingLimits(seconds=_SECONDS, seed=self.seed)
        stopwatch = Stopwatch(limits) if here else None
        return Chooser(judge, stopwatch, self.wanted.max_int8_drop, self.progress)

    def _sample(self, split: Split) -> Split:
        return representative(split, images=self.wanted.calibration_images, seed=self.seed)


def _images(split: Split) -> Iterator[np.ndarray]:
    return (images.contiguous().numpy() for images, _labels in split.batches(_BATCH))


def int8_types(processor: str, flags: frozenset[str]) -> Int8Types:
    """What suits a processor: "x86", "arm", or "here", which has these instruction sets (``environment.isa``).

    Another x86 processor may have no VNNI, whatever this one has: weights in 7 bits are right on both.
    """
    here = flags if processor == "here" else frozenset()
    arm = processor == "arm" or "neon" in here
    return Int8Types("int8", reduce_range=False) if arm else Int8Types("uint8", reduce_range=not here & _PRODUCTS_FIT)


def representative(split: Split, *, images: int, seed: int) -> Split:
    """A random sample of about so many images, in proportion to the classes, without augmentation.

    At least one image of every class with two or more; images that are the only ones of their class fill it up.
    """
    if images >= len(split):
        return split
    _rest, chosen = stratified_holdout(split.labels, fraction=images / len(split), seed=seed)
    alone = torch.nonzero(split.labels.bincount()[split.labels] == 1).flatten()
    shuffled = alone[torch.randperm(len(alone), generator=torch.Generator().manual_seed(seed))]
    return split.subset(torch.cat([chosen, shuffled[: max(0, images - len(chosen))]]).sort().values)
