"""The images of a kit, as each of its files takes them, and what each file answers here.

Axes: N images, K scores.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from compress.environment import isa
from compress.errors import BadInputError
from compress.exporter_faults import as_bad_input
from compress.report.int8_tables import is_for_arm
from compress.verdict.open_files import OpenedFile
from exporters.device.answers import batches_of
from exporters.device.kit_files import LABELS
from exporters.read.classifier import open_session
from exporters.read.preparation import Conversion
from exporters.read.session import run_batches, session_options

IMAGES = 64


@dataclass
class Samples:
    """Arrays of ``images.npz``: labels, images and logits; equal images are kept once."""

    chosen: Tensor  # numbers of the test images, int64 [N]
    arrays: dict[str, np.ndarray]
    _known: dict[str, str] = field(default_factory=dict)  # sha256 of images -> their name

    def add(self, file: OpenedFile) -> tuple[str, str]:
        """Add the images as a file takes them, and its answers; their names. BadInputError if it fails on one.

        The answers of an INT8 file for ARM are emulated elsewhere: x86 processors without VNNI compute it inexactly.
        """
        spec, emulated = file.spec, is_for_arm(file.record.quantization, isa())
        conversion = Conversion(spec.data.preprocessing.preparation, spec.preparation, spec.signature)
        batches = spec.data.test.subset(self.chosen).batches(len(self.chosen))
        images = np.concatenate([conversion.convert(batch.numpy()) for batch, _labels in batches])
        with as_bad_input():
            options = session_options(threads=1, emulated=emulated)
            scores_NK = run_batches(open_session(spec.path, threads=1, options=options), batches_of(images))
        if not np.isfinite(scores_NK).all():
            raise BadInputError(f"expected finite scores, {spec.path} gives NaN or infinity for a test image")
        key = hashlib.sha256(f"{images.dtype} {images.shape}".encode() + images.tobytes()).hexdigest()
        name = self._known.setdefault(key, f"images_{len(self._known)}")
        logits = f"logits_{sum(known.startswith('logits') for known in self.arrays)}"
        self.arrays |= {name: images, logits: scores_NK}
        return name, logits


def choose_samples(files: Sequence[OpenedFile]) -> Samples:
    """64 test images for all files, as equal in number over the classes as they can be; all where there are fewer."""
    labels = files[0].spec.data.test.labels
    chosen = choose_balanced(labels, count=IMAGES)
    return Samples(chosen, {LABELS: labels[chosen].numpy()})


def choose_balanced(labels: Tensor, *, count: int) -> Tensor:
    """Numbers (int64, ascending) of ``count`` images: a random one of every class, then a second, and so on."""
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)).tolist()
    seen: dict[int, int] = {}
    turns = []
    for number in shuffled:
        label = int(labels[number])
        turns.append(seen.get(label, 0))
        seen[label] = turns[-1] + 1
    ordered = sorted(range(len(shuffled)), key=lambda place: turns[place])
    return torch.tensor([shuffled[place] for place in ordered[:count]]).sort().values
