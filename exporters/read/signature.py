"""The input and the output of an ONNX classifier, read from its graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from onnxruntime import InferenceSession

from exporters.errors import CallError, OnnxFileError

Layout = Literal["NCHW", "NHWC"]
PixelType = Literal["float32", "float16", "uint8"]

LAYOUTS: Final[tuple[Layout, ...]] = ("NCHW", "NHWC")
PIXEL_TYPES: Final[dict[str, PixelType]] = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
}
_SCORE_TYPES: Final = ("tensor(float)", "tensor(float16)", "tensor(double)")
_CHANNELS: Final = (1, 3)

MOST_PIXELS: Final = 2**25
"""In one call: 32 images of 1024 x 1024, or 668 of 224 x 224; the first layer's output may be 100 times as large."""


@dataclass(frozen=True)
class Signature:
    """One image input of 1 or 3 channels, one output of a score per class.

    ``batch``, ``height`` and ``width`` are ``None`` where the file leaves them free, ``classes`` where the graph does
    not say.
    """

    input_name: str
    output_name: str
    layout: Layout
    dtype: PixelType
    batch: int | None
    channels: int
    height: int | None
    width: int | None
    classes: int | None

    def random_images(
        self, random: np.random.Generator, *, batch_size: int, image_size: int | None = None
    ) -> np.ndarray:
        """Images of ``call_shape`` in the file's type, contiguous: standard normal, or 0 to 255 for bytes."""
        shape = self.call_shape(batch_size=batch_size, image_size=image_size)
        if self.dtype == "uint8":
            return random.integers(0, 256, size=shape, dtype=np.uint8)
        return random.standard_normal(shape, dtype=np.float32).astype(self.dtype, copy=False)

    def call_shape(self, *, batch_size: int, image_size: int | None = None) -> tuple[int, int, int, int]:
        """The shape [B, C, H, W] or [B, H, W, C] of the images in a call.

        ``image_size`` is their height and width in pixels, where the file leaves them free. CallError if the file
        takes another batch size, or needs an image size, or the call is too large.
        """
        if batch_size < 1 or self.batch not in (None, batch_size):
            wanted = "a batch of at least 1 image" if self.batch is None else f"a batch of {self.batch}, as in the file"
            raise CallError(f"expected {wanted}, got {batch_size}; try --batch-sizes {self.batch or 1}")
        height, width = self.height or image_size, self.width or image_size
        if height is None or width is None:
            raise CallError("expected an image size, as the file leaves it free, got none; try --image-size")
        if batch_size * height * width > MOST_PIXELS:
            raise CallError(
                f"expected at most {MOST_PIXELS:,} pixels in a call, got {batch_size:,} images of {height:,} x "
                f"{width:,}; try a smaller batch" + ("" if self.batch is None else ", in another export of the file")
            )
        if self.layout == "NCHW":
            return batch_size, self.channels, height, width
        return batch_size, height, width, self.channels


def signature_of(
    session: InferenceSession, *, layout: Layout | None = None, channels: int | None = None, source: str = "the file"
) -> Signature:
    """Read the signature of an open file.

    The axis of length 1 or 3 holds the channels: the second (NCHW) or the last (NHWC). Where the shape fits both or
    neither, the user's ``layout`` decides, else the file's metadata as compress writes it; ``channels`` is for files
    that leave them free. OnnxFileError if inputs, outputs or layout are not those of a classifier.
    """
    images, scores = image_input(session, source=source), score_output(session, source=source)
    sizes = [_fixed(size) for size in images.shape]
    described = session.get_modelmeta().custom_metadata_map.get("layout", "")
    known = layout or next((one for one in LAYOUTS if one in described), None)
    found = _layout(sizes, known, source=source)
    batch, *image = sizes
    count, height, width = image if found == "NCHW" else (image[2], image[0], image[1])
    count = count or channels
    if count not in _CHANNELS:
        raise OnnxFileError(
            f"expected 1 or 3 channels, {source} has the input shape {images.shape} in layout {found}, which does not "
            "say how many; try to export it with a fixed number of channels"
        )
    names, dtype, classes = (images.name, scores.name), PIXEL_TYPES[images.type], _fixed(scores.shape[1])
    return Signature(*names, found, dtype, batch, count, height, width, classes)


def image_input(session: InferenceSession, *, source: str) -> Any:
    """The one input, of images; OnnxFileError if there are several, or it has not four axes or a type of pixels."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = _first([value.name for value in inputs])
        raise OnnxFileError(
            f"expected one input of images, {source} has {len(inputs)} ({names}); "
            "try to export it with the images as its only input"
        )
    (images,) = inputs
    if images.type not in PIXEL_TYPES or len(images.shape) != 4:
        raise OnnxFileError(
            f"expected one input [batch, C, H, W] or [batch, H, W, C] of {', '.join(PIXEL_TYPES.values())}, "
            f"{source} takes {images.name:.100} {images.shape} of {images.type}; is it an image classifier?"
        )
    return images


def score_output(session: InferenceSession, *, source: str) -> Any:
    """The output [batch, K] with a score per class; other outputs, of labels or feature maps, are ignored.

    [batch, K, 1, 1] counts too: networks with a convolutional head are often exported so. OnnxFileError if there
    is none, or more than one that it could be.
    """
    outputs = session.get_outputs()
    fitting = [value for value in outputs if value.type in _SCORE_TYPES and len(value.shape) >= 2]
    fitting = [value for value in fitting if value.shape[2:] in ([], [1, 1])]
    if len(fitting) == 1:
        return fitting[0]
    shown = _first([f"{value.name} {value.shape} of {value.type}" for value in outputs])
    if fitting:
        raise OnnxFileError(
            f"expected one output [batch, K] of scores, {source} has {len(fitting)} ({shown}); "
            "try to export it with the logits alone"
        )
    hint = "is it an image classifier?"
    if any(value.type.startswith(("seq", "map")) for value in outputs):
        hint = "a ZipMap, as converters of scikit-learn add it, must go: try zipmap=False"
    raise OnnxFileError(f"expected one output [batch, K] of scores, {source} gives {shown}; {hint}")


def _first(values: list[str]) -> str:
    """The first few of them, shortened: a file may have thousands."""
    shown = ", ".join(f"{value:.100}" for value in values[:4])
    return (f"{shown}, ..." if len(values) > 4 else shown) or "none"


def _fixed(size: Any) -> int | None:
    return size if isinstance(size, int) and size > 0 else None


def _layout(sizes: list[int | None], stated: Layout | None, *, source: str) -> Layout:
    channels: dict[Layout, int | None] = {"NCHW": sizes[1], "NHWC": sizes[3]}
    possible = [layout for layout, count in channels.items() if count in _CHANNELS]
    if len(possible) == 1:
        return possible[0]
    if stated is not None and (stated in possible or channels[stated] is None):
        return stated
    where = f"where {stated} has them" if stated else "as the second or the last axis"
    advice = "" if stated else ", from which the layout cannot be told; try --layout NCHW or --layout NHWC"
    shape = [size or "free" for size in sizes]
    raise OnnxFileError(f"expected 1 or 3 channels {where}, {source} has the input shape {shape}{advice}")


def shared_batch(first: Signature, second: Signature) -> int | None:
    """The smallest batch that both files take; ``None`` where they have two different fixed ones."""
    fixed = {first.batch, second.batch} - {None}
    return next(iter(fixed), 1) if len(fixed) < 2 else None
