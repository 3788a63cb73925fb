"""Write the INT8 copy of a float32 file."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from exporters.errors import SettingError
from exporters.int8.calibrators import RULES, Rule
from exporters.int8.choose import Chooser, Int8Choice
from exporters.int8.layers import stem_of
from exporters.int8.source import Batches, FloatFile, Int8Types
from exporters.write.artifact import Artifact, metadata_of, write_model


@dataclass(frozen=True)
class Quantization:
    """How an INT8 file was made.

    ``calibration`` is the rule that set the activations' ranges; ``per_channel``: each output channel's weights have
    a scale of their own; ``float_layers`` stayed in float32, by the names of their weights; ``choice``: the
    measurements that both were chosen by, ``None`` if they were given.
    """

    scheme: str
    calibration: str
    calibration_images: int
    per_channel: bool
    weights: str
    activations: str
    reduced_range: bool
    float_layers: tuple[str, ...]
    choice: Int8Choice | None = None


@dataclass(frozen=True)
class Int8Settings:
    """How to quantise: the types, the rule of calibration, the layers that stay in float32.

    ``rule``: ``None`` for the best of all, min-max without a chooser. ``float_layers``, by the names of their weights:
    ``None`` for those chosen, without a chooser for the stem's.
    """

    types: Int8Types = field(default_factory=Int8Types)
    rule: Rule | None = None
    float_layers: tuple[str, ...] | None = None


def quantize_int8(
    source: Path, target: Path, batches: Batches, *, settings: Int8Settings, chooser: Chooser | None = None
) -> tuple[Artifact, Quantization]:
    """Write an INT8 copy of a float32 file: same input, same output, same metadata, free batch size.

    What is not set is chosen by the ``chooser``'s measurements. Without one, and where its clock decides alike, the
    same source and images give the same bytes.

    ``batches`` are calibration images as the file takes them, float32 [B, C, H, W]; they are read once.
    OnnxFileError if the source cannot be read, ExportError if it has nothing to quantise or is quantised already,
    or there are no images, SettingError if a layer does not exist or none is left for INT8.
    """
    file = FloatFile(source, settings.types)
    given = None if settings.float_layers is None else _in_order(settings.float_layers, file)
    rules = (settings.rule,) if settings.rule else RULES if chooser else RULES[:1]
    calibration = file.calibrate(batches, rules)
    if chooser is not None:
        chosen = chooser.choose(file, calibration, in_float=given)
        rule, in_float, graph, choice = chosen.rule, chosen.in_float, chosen.graph, chosen.choice
    else:
        rule, choice = rules[0], None
        in_float = stem_of(file.prepared) if given is None else given
        graph = file.quantised(calibration.ranges[rule], in_float=in_float)
    artifact = write_model(graph, target, metadata=metadata_of(file.model) | {"precision": '"int8"'})
    return artifact, Quantization(
        scheme="static QDQ",
        calibration=rule,
        calibration_images=calibration.images,
        per_channel=True,
        weights="int8",
        activations=settings.types.activations,
        reduced_range=settings.types.reduce_range,
        float_layers=in_float,
        choice=choice,
    )


def quantize_alike(source: Path, target: Path, images: np.ndarray, *, types: Int8Types, whole: Path) -> None:
    """Write an INT8 copy quickly, for timing: of ``images`` as above, and with the layers of another's stem in float32.

    ``whole`` is the file of the network that the source's was cut from. Errors as above.
    """
    settings = Int8Settings(types, "minmax", stem_of(FloatFile(whole, types).prepared))
    quantize_int8(source, target, [images], settings=settings)


def _in_order(float_layers: tuple[str, ...], file: FloatFile) -> tuple[str, ...]:
    """These layers, each once, in the order of the file; SettingError if it lacks one, or has no other."""
    known = [layer.name for layer in file.layers]
    if unknown := [name for name in float_layers if name not in known]:
        raise SettingError(
            f"expected layers of {file.source} to stay in float32, got {', '.join(unknown)}; it has {', '.join(known)}"
        )
    if {*float_layers} == {*known}:
        raise SettingError(f"expected a layer of {file.source} in INT8, got all in float32: {', '.join(known)}")
    return tuple(name for name in known if name in float_layers)
