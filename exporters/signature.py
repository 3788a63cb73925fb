"""What an ONNX classifier takes and gives, read from its graph."""

from dataclasses import dataclass
from typing import Literal

Layout = Literal["NCHW", "NHWC"]
PixelType = Literal["float32", "float16", "uint8"]


@dataclass(frozen=True)
class Signature:
    """One image input, one output of a score per class.

    Attributes:
        input_name: of the graph's input.
        output_name: of the graph's output.
        layout: order of the input's axes.
        dtype: the input's type.
        batch: the fixed number of images in a call; ``None`` where it is free.
        channels: 1 or 3.
        height: pixels; ``None`` where it is free.
        width: pixels; ``None`` where it is free.
        classes: K; ``None`` where the graph does not say.
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
