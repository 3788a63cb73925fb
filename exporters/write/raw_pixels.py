"""Raw pixels: a file that takes uint8 images; scaling, normalisation and transposition are in its graph."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel

from exporters.errors import ExportError
from exporters.read.onnx_file import read_onnx
from exporters.write.artifact import Artifact, metadata_of, set_nodes, shape_of, write_model

_METADATA = {
    "layout": json.dumps("NHWC, uint8"),
    "pixel_scale": json.dumps("none: the graph divides by 255, subtracts mean and divides by std, per channel, itself"),
}
_REVERSED = json.dumps(
    "none: the graph takes red, green, blue, reverses them, divides by 255, subtracts mean and divides by std itself"
)


def embed_preprocessing(
    source: Path, target: Path, *, mean: Sequence[float], std: Sequence[float], bgr: bool = False
) -> Artifact:
    """Write a copy of a float32 or INT8 file that takes uint8 images [batch, H, W, C] as they are decoded.

    ``mean`` and ``std`` have one number a channel, of pixels scaled to [0, 1]. The operations are those of the data
    sets in the same order, so the float32 images that reach the network are the same bit for bit. Pixels are
    transposed while they are uint8, a quarter of the size; where the network takes ``bgr`` they are reversed then. The
    metadata names the new layout.

    OnnxFileError if the source cannot be read; ExportError if it takes anything but float32 [batch, C, H, W], or
    mean and std do not fit its channels.
    """
    model = read_onnx(source).model
    graph = model.graph
    (images,) = graph.input
    dtype, shape = images.type.tensor_type.elem_type, shape_of(images)
    if dtype != TensorProto.FLOAT or len(shape) != 4 or shape[1] not in (1, 3):
        raise ExportError(
            f"expected one input float32 [batch, C, H, W] of 1 or 3 channels, {source} has "
            f"{TensorProto.DataType.Name(dtype)} {shape}; try the fp32 or INT8 file without preprocessing"
        )
    batch, channels, height, width = shape
    if not len(mean) == len(std) == channels or min(std) <= 0:
        raise ExportError(
            f"expected mean and std > 0 for each of {channels} channels, got mean {list(mean)}, std {list(std)}"
        )
    normalised = f"{images.name}_normalised"
    ONNXModel(model).replace_input_of_all_nodes(images.name, normalised)
    for name, values in {"pixel_maximum": [255.0], "pixel_mean": mean, "pixel_std": std}.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(values, np.float32).reshape(-1, 1, 1), name))
    ordered, reverse = "pixels_first", []
    if bgr:
        ordered = "pixels_bgr"
        graph.initializer.append(numpy_helper.from_array(np.arange(channels)[::-1].astype(np.int64), "channels_bgr"))
        reverse = [helper.make_node("Gather", ["pixels_first", "channels_bgr"], [ordered], name=ordered, axis=1)]
    nodes = [
        helper.make_node("Transpose", [images.name], ["pixels_first"], name="pixels_first", perm=[0, 3, 1, 2]),
        *reverse,
        helper.make_node("Cast", [ordered], ["pixels_float"], name="pixels_float", to=TensorProto.FLOAT),
        helper.make_node("Div", ["pixels_float", "pixel_maximum"], ["pixels_scaled"], name="pixels_scaled"),
        helper.make_node("Sub", ["pixels_scaled", "pixel_mean"], ["pixels_centred"], name="pixels_centred"),
        helper.make_node("Div", ["pixels_centred", "pixel_std"], [normalised], name="pixels_normalised"),
    ]
    set_nodes(graph, [*nodes, *graph.node])
    images.CopyFrom(helper.make_tensor_value_info(images.name, TensorProto.UINT8, [batch, height, width, channels]))
    changed = _METADATA | ({"pixel_scale": _REVERSED} if bgr else {})
    return write_model(model, target, metadata=metadata_of(model) | changed)
