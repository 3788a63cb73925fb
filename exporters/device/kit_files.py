"""The kit on the device: its files, checked against their checksums, and its images with the expected answers.

Axes: N images, K scores, C channels, H height, W width.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exporters.errors import FileError
from exporters.measure.layer_times import Int8For
from exporters.read.signature import Signature

MANIFEST, FACTS, IMAGES, CLASSES = "MANIFEST.sha256", "kit.json", "images.npz", "classes.json"
SCHEMA_VERSION = "1.0"
LABELS = "labels"


@dataclass(frozen=True)
class KitFile:
    """One file of the kit, ONNX or onnxruntime's mobile format (``.ort``).

    Attributes:
        label: name of its row in the report: "original", "pruned int8".
        file: path in the kit.
        sha256: of the file in the kit.
        source_sha256: of the file that it was copied from, followed by its external data if it had any.
        precision: of most of its weights: "fp32", "int8".
        signature: what it takes and gives.
        image_size: height and width of its images, pixels.
        class_order: place of each class in its output; ``None``: in order.
        images: name of its images [N, C, H, W] or [N, H, W, C] in ``images.npz``.
        logits: name of the expected scores [N, K] there.
    """

    label: str
    file: str
    sha256: str
    source_sha256: str
    precision: str
    signature: Signature
    image_size: int
    class_order: tuple[int, ...] | None
    images: str
    logits: str


@dataclass(frozen=True)
class Kit:
    """A kit in memory; ``sha256`` is that of its manifest, which lists every other file's."""

    folder: Path
    sha256: str
    name: str
    compress_version: str
    files: tuple[KitFile, ...]
    pairs: tuple[tuple[str, str], ...]  # labels: files that are timed against each other, the original first
    layers: tuple[str, ...]  # paths of the sample files for ``--layers``, the reference first
    layers_int8_for: Int8For
    arrays: dict[str, np.ndarray]

    @property
    def labels_N(self) -> np.ndarray:
        """The true classes of the images."""
        return self.arrays[LABELS]

    def file(self, label: str) -> KitFile:
        """The file of a label."""
        return next(file for file in self.files if file.label == label)

    def read(self, file: KitFile) -> bytes:
        """A file's bytes."""
        return (self.folder / file.file).read_bytes()


def open_kit(folder: Path) -> Kit:
    """Read a kit; FileError if a file is missing or was changed, or the folder is no kit."""
    facts, digest = _checked_facts(folder)
    try:
        files = tuple(_kit_file(dict(one)) for one in facts["files"])
        pairs = tuple((first, second) for first, second in facts["pairs"])
        with np.load(folder / IMAGES, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        layers, int8_for = tuple(facts["layers"]), facts.get("layers_int8_for", "")
        return Kit(folder, digest, facts["name"], facts["compress_version"], files, pairs, layers, int8_for, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{folder / FACTS} is not of this version of the kit: {error!r}; make the kit again") from error


def _kit_file(facts: dict[str, Any]) -> KitFile:
    order = facts["class_order"]
    facts.update(signature=Signature(**facts["signature"]), class_order=None if order is None else tuple(order))
    return KitFile(**facts)


def _checked_facts(folder: Path) -> tuple[Any, str]:
    """``kit.json`` of a kit whose files are whole, and the sha256 of its manifest."""
    manifest = folder / MANIFEST
    try:
        data = manifest.read_bytes()
        wanted = [line.split("  ", 1) for line in data.decode().splitlines()]
        bad = [name for digest, name in wanted if not _is_whole(folder / name, digest)]
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {manifest}: {error}; copy the kit again") from error
    if bad:
        raise FileError(f"damaged or missing in {folder}: {', '.join(bad)}; copy the kit again")
    return json.loads((folder / FACTS).read_text(encoding="utf-8")), hashlib.sha256(data).hexdigest()


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest
    except OSError:
        return False
