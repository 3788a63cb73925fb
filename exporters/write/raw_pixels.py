"""Raw pixels: a file that takes uint8 images; scaling, normalisation and transposition are in its graph.

Axes: batch, H height, W width, C channels.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from exporters.errors import ExportError
from exporters.read.onnx_file import read_onnx
from exporters.write.artifact import OnnxArtifact, metadata_of, set_nodes, shape_of, write_model

LAYOUT = "NHWC, uint8"
PIXEL_SCALE = "none: the graph divides by 255, subtracts mean and divides by std, per channel, itself"


def embed_preprocessing(source: Path, target: Path, *, mean: Sequence[float], std: Sequence[float]) -> OnnxArtifact:
    """Write a copy of a float32 or INT8 file that takes uint8 images [batch, H, W, C] as they are decoded.

    The operations are those of the data sets in the same order, so the float32 images that reach the
    network are the same bit for bit. Pixels are transposed while they are uint8, a quarter of the size.

    Args:
        source: a self-contained ONNX file with one input float32 [batch, C, H, W].
        target: the file to write; its metadata names the new layout.
        mean: per channel, of pixels scaled to [0, 1].
        std: per channel, of pixels scaled to [0, 1].

    Raises:
        OnnxFileError: the source cannot be read.
        ExportError: the source takes something else, or mean and std are not one number a channel.
    """
    model = read_onnx(source).model
    graph = model.graph
    (images,) = graph.input
    channels = _check(images, source, mean=mean, std=std)
    normalised = f"{images.name}_normalised"
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == images.name:
                node.input[index] = normalised
    set_nodes(graph, [*_nodes(graph, images.name, normalised, mean=mean, std=std), *graph.node])
    batch, _, height, width = shape_of(images)
    images.CopyFrom(helper.make_tensor_value_info(images.name, TensorProto.UINT8, [batch, height, width, channels]))
    described = {"layout": json.dumps(LAYOUT), "pixel_scale": json.dumps(PIXEL_SCALE)}
    return write_model(model, target, metadata=metadata_of(model) | described)


def _check(images: ValueInfoProto, source: Path, *, mean: Sequence[float], std: Sequence[float]) -> int:
    dtype, dims = images.type.tensor_type.elem_type, shape_of(images)
    if dtype != TensorProto.FLOAT or len(dims) != 4 or dims[1] not in (1, 3):
        raise ExportError(
            f"expected one input float32 [batch, C, H, W] of 1 or 3 channels, {source} has "
            f"{TensorProto.DataType.Name(dtype)} {dims}; try the fp32 or INT8 file without preprocessing"
        )
    if not len(mean) == len(std) == dims[1] or min(std) <= 0:
        raise ExportError(
            f"expected mean and std > 0 for each of {dims[1]} channels, got mean {list(mean)}, std {list(std)}"
        )
    return int(dims[1])


def _nodes(
    graph: GraphProto, pixels: str, normalised: str, *, mean: Sequence[float], std: Sequence[float]
) -> list[NodeProto]:
    """Transpose, cast, divide, subtract, divide; their constants join the graph."""
    constants = {"pixel_maximum": [255.0], "pixel_mean": mean, "pixel_std": std}
    for name, values in constants.items():
        array = np.asarray(values, np.float32).reshape(-1, 1, 1)
        graph.initializer.append(numpy_helper.from_array(array, name))
    return [
        helper.make_node("Transpose", [pixels], ["pixels_first"], name="pixels_first", perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["pixels_first"], ["pixels_float"], name="pixels_float", to=TensorProto.FLOAT),
        helper.make_node("Div", ["pixels_float", "pixel_maximum"], ["pixels_scaled"], name="pixels_scaled"),
        helper.make_node("Sub", ["pixels_scaled", "pixel_mean"], ["pixels_centred"], name="pixels_centred"),
        helper.make_node("Div", ["pixels_centred", "pixel_std"], [normalised], name="pixels_normalised"),
    ]
