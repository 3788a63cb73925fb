"""Settings of ``compress export``: which files are made, and how INT8 is chosen."""

from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator

from compress.settings.config import OPSETS
from compress.settings.fields import Settings, parse_list, setting

_setting, _int8 = partial(setting, panel="Files"), partial(setting, panel="INT8")

NO_LAYERS: Final = "none"


def _parse_layers(value: Any) -> Any:
    """Names of layers from text: `none` is no layer."""
    names = parse_list(value)
    if isinstance(value, str) and not all(names):
        raise ValueError("a name is empty")
    return () if names == (NO_LAYERS,) else names


class ExportSettings(Settings):
    """Which files are made of each float32 file, and how."""

    int8: bool = _setting(False, "INT8, calibrated on training images: about a third of the size, usually faster.")
    float16: bool = _setting(False, "Weights stored in 16 bits: half the size, the same speed.", flags=("--fp16",))
    embed_preprocessing: bool = _setting(False, "Files that take raw pixels, uint8 NHWC.")
    ort: bool = _setting(False, "onnxruntime's mobile format, and the list of its operators.")
    opset: int | None = _setting(
        None,
        "Export again with this ONNX operator set; other files are made from it.",
        shown="the run's; 18",
        **OPSETS,
    )
    max_int8_drop: float = _int8(
        0.5, "Points of Top-1 that INT8 may lose on validation images before layers stay in float32.", ge=0
    )
    int8_for: Literal["here", "x86", "arm"] | None = _int8(
        None,
        "Processor that will run the file: this one, x86 (uint8 activations) or ARM (int8 activations).",
        shown="here; for a run with --target, its device",
    )
    calibration: Literal["auto", "minmax", "percentile", "entropy"] = _int8(
        "auto", "How ranges of activations are set; auto tries all and keeps the nearest to float32."
    )
    calibration_images: int = _int8(512, "Training images for the calibration; as many validation images judge.", ge=1)
    """From 32 to 2,048 images SqueezeNet's Top-1 was the same within 0.2 points."""
    float_layers: Annotated[tuple[str, ...] | None, BeforeValidator(_parse_layers)] = _int8(
        None,
        "Layers that stay in float32, comma-separated, as reports name them; none: all in INT8.",
        shown="chosen by measurement",
        expected="names of layers such as features.0,classifier.1, or none",
    )

    @property
    def anything(self) -> bool:
        """Whether there is something to make."""
        return self.int8 or self.float16 or self.embed_preprocessing or self.ort or self.opset is not None


INT8_ONLY: Final = ("max_int8_drop", "int8_for", "calibration", "calibration_images", "float_layers")
