"""Settings of ``compress export``: which files are made."""

from functools import partial

from compress.settings.config import OPSETS
from compress.settings.fields import Settings, setting

_setting = partial(setting, panel="Files")


class ExportSettings(Settings):
    """Which files are made of each float32 file."""

    int8: bool = _setting(False, "INT8, calibrated on training images: smaller and faster.")
    float16: bool = _setting(False, "Weights stored in 16 bits: half the size, the same speed.", flags=("--fp16",))
    embed_preprocessing: bool = _setting(False, "Files that take raw pixels, uint8 NHWC.")
    ort: bool = _setting(False, "onnxruntime's mobile format, and the list of its operators.")
    opset: int | None = _setting(
        None,
        "Export again with this ONNX operator set; other files are made from it.",
        shown="the run's; 18",
        **OPSETS,
    )
    calibration_images: int = _setting(512, "Training images for the calibration of INT8.", ge=1)
    """From 32 to 2,048 images SqueezeNet's Top-1 was the same within 0.2 points."""

    @property
    def anything(self) -> bool:
        """Whether there is something to make."""
        return self.int8 or self.float16 or self.embed_preprocessing or self.ort or self.opset is not None
