"""INT8: static quantisation to QDQ, per channel, calibrated on training images."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantization:
    """How an INT8 file came about.

    Attributes:
        scheme: "static QDQ".
        calibration: the rule that set the activations' ranges: "minmax", "entropy", "percentile".
        calibration_images: training images that were read for it.
        per_channel: whether each output channel's weights have their own scale.
        weights: the weights' type, "int8".
        activations: the activations' type, "uint8" or "int8".
        reduced_range: weights in 7 bits, for processors whose 8-bit products overflow (AVX2 without VNNI).
        left_float: nodes that stayed in float32, by name.
    """

    scheme: str
    calibration: str
    calibration_images: int
    per_channel: bool
    weights: str
    activations: str
    reduced_range: bool
    left_float: tuple[str, ...]
