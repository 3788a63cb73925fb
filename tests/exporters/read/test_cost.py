import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnxruntime import quantization
from torch import nn

from compress.channels.costs import build_cost_model
from compress.channels.units import find_units
from exporters.errors import ExportError, OnnxFileError
from exporters.read.cost import count_cost, precision_of
from exporters.read.signature import Signature
from exporters.write.onnx_export import export_onnx
from tests.exporters.networks import SHAPE, Joined, numbered, plain, random_images
from tests.exporters.onnx_files import FLOAT16, UINT8, Wanted, classifier, parse, recurrent, save

# The hand-made classifier on 8 x 8 pixels: 4 filters over 3 channels at 64 places, then 5 sums over 4 numbers.
CONV_MACS, HEAD_MACS = 4 * 3 * 64, 5 * 4
PARAMETERS = 4 * 3 + 5 * 4 + 5


@pytest.mark.parametrize(("make", "folded"), [(plain, 8 + 8), (Joined, 0)])
def test_the_same_as_the_module(make, folded, tmp_path):
    network, path = numbered(make()), tmp_path / "net.onnx"
    export_onnx(network, path, input_shape=SHAPE, opset=18, metadata={})
    module = build_cost_model(network, find_units(network, random_images(2)), random_images(1)).full
    cost = count_cost(path)
    assert cost.macs == module.macs
    assert cost.parameters == module.parameters - folded  # scale and shift went into the convolution
    assert (cost.size_bytes, cost.precision) == (path.stat().st_size, "fp32")


@pytest.mark.parametrize(
    "wanted", [Wanted(), Wanted(layout="NHWC", dtype=UINT8), Wanted(batch=4), Wanted(dtype=FLOAT16, softmax=True)]
)
def test_by_hand_whatever_goes_in(wanted, tmp_path):
    cost = count_cost(save(classifier(wanted), tmp_path / "net.onnx"))
    assert (cost.macs, cost.parameters) == (CONV_MACS + HEAD_MACS, PARAMETERS)
    assert [(layer.node, layer.operator, layer.weight, layer.macs) for layer in cost.layers] == [
        ("conv", "Conv", "filters", CONV_MACS),
        ("head", "Gemm", "matrix", HEAD_MACS),
    ]


def test_a_free_image_size_has_to_be_given(tmp_path):
    path = save(classifier(Wanted(size=("h", "w"))), tmp_path / "net.onnx")
    assert count_cost(path, image_size=16).macs == 4 * 3 * 256 + HEAD_MACS
    with pytest.raises(ExportError, match="expected an image size"):
        count_cost(path)


def test_weights_in_another_file_are_counted(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(classifier(), path, save_as_external_data=True, location="net.data", size_threshold=0)
    cost = count_cost(path)
    assert (cost.macs, cost.parameters) == (CONV_MACS + HEAD_MACS, PARAMETERS)
    assert cost.size_bytes == path.stat().st_size + (tmp_path / "net.data").stat().st_size


# One filter makes x: float[n, 4, 8, 8] of the image.
LAYERS = [
    # 6 filters in 2 groups of 2 channels, 3 x 3 with stride 2 and padding: 4 x 4 places
    ("Conv<group = 2, strides = [2, 2], pads = [1, 1, 1, 1]>(x, w, b)", {"w": (6, 2, 3, 3), "b": (6,)}, 6 * 16 * 2 * 9),
    # every one of 4 x 8 x 8 numbers spreads over 3 channels, 2 x 2 pixels
    ("ConvTranspose<strides = [2, 2]>(x, w)", {"w": (4, 3, 2, 2)}, 4 * 64 * 3 * 4),
    # the last axis, of 8 numbers, becomes 5: for 4 x 8 rows
    ("MatMul(x, w)", {"w": (8, 5)}, 4 * 8 * 8 * 5),
    # images times themselves: no weights, but work
    ("MatMul(x, x)", {}, 4 * 8 * 8 * 8),
]


@pytest.mark.parametrize(("layer", "shapes", "macs"), LAYERS)
def test_layers_by_hand(layer, shapes, macs, tmp_path):
    stored = {key: np.random.default_rng(0).standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}
    proto = parse(
        f"""(float[n, 1, 8, 8] pixels) => (float[n, k] scores) {{
        x = Conv(pixels, first)
        y = {layer}
        scores = ReduceMean<axes = [2, 3], keepdims = 0>(y) }}""",
        stored | {"first": np.ones((4, 1, 1, 1), np.float32)},
    )
    cost = count_cost(save(proto, tmp_path / "net.onnx"))
    assert cost.macs == 4 * 64 + macs
    assert cost.parameters == 4 + sum(np.prod(shape) for shape in shapes.values())


class Images(quantization.CalibrationDataReader):
    def __init__(self):
        random = np.random.default_rng(0)
        self.batches = iter([{"pixels": random.standard_normal((2, 3, 8, 8), dtype=np.float32)}])

    def get_next(self):
        return next(self.batches, None)


@pytest.mark.parametrize("style", quantization.QuantFormat)
def test_quantised_files_cost_as_many_numbers_and_products(style, tmp_path):
    source, target = save(classifier(), tmp_path / "net.onnx"), tmp_path / "int8.onnx"
    options = {"per_channel": True, "weight_type": quantization.QuantType.QInt8}
    quantization.quantize_static(source, target, Images(), quant_format=style, **options)
    cost = count_cost(target)
    assert (cost.macs, cost.parameters, cost.precision) == (CONV_MACS + HEAD_MACS, PARAMETERS, "int8")
    assert [layer.weight.split("_")[0] for layer in cost.layers] == ["filters", "matrix"]
    quantization.quantize_dynamic(source, target)  # dynamically quantised files too
    operators = {node.op_type for node in onnx.load(target).graph.node}
    assert {"ConvInteger", "MatMulInteger"} <= operators
    assert (count_cost(target).macs, count_cost(target).parameters) == (CONV_MACS + HEAD_MACS, PARAMETERS)


def test_half_precision_weights(tmp_path):
    proto = classifier()
    for tensor in proto.graph.initializer:
        half = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}.half"))
        proto.graph.node.insert(0, helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    cost = count_cost(save(proto, tmp_path / "net.onnx"))
    assert (cost.macs, cost.parameters, cost.precision) == (CONV_MACS + HEAD_MACS, PARAMETERS, "fp16")
    assert cost.layers[0].weight == "filters.half"


PRECISIONS = {
    "fp64": "DOUBLE", "fp32": "FLOAT", "fp16": "FLOAT16 BFLOAT16", "fp4": "FLOAT4E2M1",
    "fp8": "FLOAT8E4M3FN FLOAT8E4M3FNUZ FLOAT8E5M2 FLOAT8E5M2FNUZ FLOAT8E8M0",
    "int16": "INT16 UINT16", "int8": "INT8 UINT8", "int4": "INT4 UINT4", "int2": "INT2 UINT2",
    "other": "INT32 INT64 BOOL COMPLEX64 FLOAT6E2M3",
}  # fmt: skip


@pytest.mark.parametrize(("precision", "types"), PRECISIONS.items())
def test_every_type_of_weights_has_its_own_width(precision, types):
    assert {precision_of(TensorProto.DataType.Value(name)) for name in types.split()} == {precision}


@pytest.mark.parametrize(("kind", "precision"), [("INT4", "int4"), ("UINT4", "int4"), ("INT16", "int16")])
def test_stored_integers_that_are_dequantised(kind, precision, tmp_path):
    proto = parse(
        """(float[n, 3, 8, 8] pixels) => (float[n, 5] scores) {
        flat = Flatten(pixels)
        matrix = DequantizeLinear(stored, scale)
        scores = MatMul(flat, matrix) }""",
        {"scale": np.float32(0.1)},
    )
    proto.ir_version, proto.opset_import[0].version = 10, 21
    values = [number % 7 for number in range(192 * 5)]
    proto.graph.initializer.append(helper.make_tensor("stored", getattr(TensorProto, kind), (192, 5), values))
    cost = count_cost(save(proto, tmp_path / "net.onnx"))
    assert (cost.precision, cost.parameters, cost.macs) == (precision, 192 * 5, 192 * 5)


def test_the_numbers_in_bytes_of_a_block_quantised_product(tmp_path):
    """onnxruntime's own operator: 5 columns of 192 numbers of 4 bits, two in a byte, a scale for 32."""
    proto = parse(
        """(float[n, 3, 8, 8] pixels) => (float[n, 5] scores) {
        flat = Flatten(pixels)
        scores = com.microsoft.MatMulNBits<K = 192, N = 5, bits = 4, block_size = 32>(flat, packed, scales) }""",
        {"packed": np.full((5, 6, 16), 0x99, np.uint8), "scales": np.ones((5, 6), np.float32)},
    )
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    cost = count_cost(save(proto, tmp_path / "net.onnx"))
    assert (cost.precision, cost.parameters, cost.macs) == ("int4", 192 * 5, 192 * 5)


def test_a_graph_that_does_not_run(tmp_path):
    proto = classifier(Wanted(size=("h", "w")))
    proto.graph.node[1].CopyFrom(helper.make_node("AveragePool", ["maps"], ["means"], kernel_shape=[8, 8]))
    path = save(proto, tmp_path / "net.onnx")
    with pytest.raises(OnnxFileError, match=r"runs on \[1, 3, 12, 12\] images"):
        count_cost(path, image_size=12)


def test_a_known_signature_serves_where_the_shapes_say_nothing(tmp_path):
    path = save(classifier(Wanted(batch="n", channels="c", size=("h", "w"))), tmp_path / "net.onnx")
    with pytest.raises(OnnxFileError, match="the layout cannot be told"):
        count_cost(path, image_size=8)
    known = Signature("pixels", "scores", "NCHW", "float32", None, 3, None, None, 5)
    assert count_cost(path, image_size=8, signature=known).macs == CONV_MACS + HEAD_MACS


ONES = {"cube": (3, 8, 8, 5), "table": (192, 7), "filters": (7, 5)}


@pytest.mark.parametrize(
    ("nodes", "used", "layers", "parameters"),
    [
        ('[head] scores = Einsum<equation = "nchw,chwk->nk">(pixels, cube)', ["cube"],
         [("head", "Einsum", "cube", 192 * 5)], 192 * 5),
        # the product of the weights does not depend on the image
        ("weight = MatMul(table, filters) flat = Flatten(pixels) [head] scores = MatMul(flat, weight)",
         ["table", "filters"], [("head", "MatMul", "", 192 * 5)], 192 * 7 + 7 * 5),
        ("scores = ReduceMean<axes = [2, 3], keepdims = 0>(pixels)", [], [], 0),
    ],
)  # fmt: skip
def test_what_is_a_layer(nodes, used, layers, parameters, tmp_path):
    stored = {name: np.ones(ONES[name], np.float32) for name in used}
    proto = parse(f"(float[4, 3, 8, 8] pixels) => (float[4, k] scores) {{ {nodes} }}", stored)
    cost = count_cost(save(proto, tmp_path / "net.onnx"))
    assert [(layer.node, layer.operator, layer.weight or "", layer.macs) for layer in cost.layers] == layers
    assert (cost.macs, cost.parameters) == (sum(macs for *_, macs in layers), parameters)


def test_the_tensors_of_a_large_batch_are_not_held(tmp_path):
    """Twenty layers with 8 MiB of output each, 160 MiB together, of which one or two are held at a time."""
    proto = parse(
        f"""(float[8, 3, 128, 128] x0) => (float[8, 16] scores) {{
        {" ".join(f"x{i + 1} = Conv(x{i}, w{i})" for i in range(20))}
        scores = ReduceMean<axes = [2, 3], keepdims = 0>(x20) }}""",
        {f"w{number}": np.ones((16, 16 if number else 3, 1, 1), np.float32) for number in range(20)},
    )
    path = save(proto, tmp_path / "net.onnx")
    code = (
        "import sys; from pathlib import Path; from exporters.read.cost import count_cost;"
        "from exporters.measure.memory import _peak_bytes; before = _peak_bytes();"
        "print(count_cost(Path(sys.argv[1])).macs, _peak_bytes() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    macs, peak_bytes = map(int, done.stdout.split())
    assert macs == 128 * 128 * (3 * 16 + 19 * 16 * 16)
    assert peak_bytes < 80 * 2**20


def test_recurrent_layers_are_named_because_their_macs_are_not_counted(tmp_path):
    cost = count_cost(save(recurrent(), tmp_path / "net.onnx"))
    assert cost.uncounted == ("LSTM",)
    assert [(layer.operator, layer.macs) for layer in cost.layers] == [("MatMul", 5 * 3)]
    assert cost.parameters == 20 * 8 + 20 * 5 + 5 * 3


@pytest.mark.parametrize("opset", [18, 23])
def test_attention_as_products_and_as_one_node(opset, tmp_path):
    class Attending(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            rows = images.reshape(images.shape[0], 2, 7, 4)  # 2 heads
            return nn.functional.scaled_dot_product_attention(rows, rows, rows).mean((1, 2))

    path = tmp_path / "net.onnx"
    export_onnx(Attending(), path, input_shape=(1, 7, 8), opset=opset, metadata={})
    cost = count_cost(path)
    assert (cost.macs, cost.uncounted) == (2 * 7 * 7 * (4 + 4), ())
