import numpy as np
import pytest
from onnx import helper

from exporters.errors import CallError, OnnxFileError
from exporters.read.classifier import open_session
from exporters.read.signature import Signature, shared_batch, signature_of
from tests.exporters.onnx_files import FLOAT, FLOAT16, UINT8, Wanted, classifier, parse, save, weights


def read(proto, folder, **given) -> Signature:
    return signature_of(open_session(save(proto, folder / "net.onnx"), threads=1), **given)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), ("NCHW", "float32", None, 3, 8, 8)),
        (Wanted(channels=1, batch=4), ("NCHW", "float32", 4, 1, 8, 8)),
        (Wanted(layout="NHWC", dtype=UINT8), ("NHWC", "uint8", None, 3, 8, 8)),
        (Wanted(layout="NHWC", channels=1, size=("h", "w")), ("NHWC", "float32", None, 1, None, None)),
        (Wanted(dtype=FLOAT16, size=(6, 8)), ("NCHW", "float16", None, 3, 6, 8)),
    ],
)
def test_the_shape_and_type_say_what_goes_in(wanted, expected, tmp_path):
    found = read(classifier(wanted), tmp_path)
    assert (found.layout, found.dtype, found.batch, found.channels, found.height, found.width) == expected
    assert (found.input_name, found.output_name, found.classes) == ("pixels", "scores", 5)


@pytest.mark.parametrize("size", [(8, 3), (8, "w")])
def test_a_shape_that_fits_both_layouts_or_neither_needs_the_layout_stated(size, tmp_path):
    proto = classifier(Wanted(channels=3 if size == (8, 3) else "c", size=size))
    with pytest.raises(OnnxFileError, match="layout cannot be told; try --layout NCHW or --layout NHWC"):
        read(proto, tmp_path)
    assert read(proto, tmp_path, layout="NCHW", channels=3).layout == "NCHW"


def test_the_layout_by_metadata_by_the_shape_or_by_what_is_stated(tmp_path):
    proto = classifier(Wanted(size=(8, 3)), metadata={"layout": "NCHW, float32"})
    assert read(proto, tmp_path).layout == "NCHW"
    assert read(classifier(), tmp_path, layout="NHWC").layout == "NCHW"  # the shape decides: it was meant for the other
    with pytest.raises(OnnxFileError, match="1 or 3 channels where NHWC has them"):
        read(classifier(Wanted(channels="c", size=(8, 8))), tmp_path, layout="NHWC")


@pytest.mark.parametrize("channels", [None, 4])
def test_channels_that_are_nowhere_stated(channels, tmp_path):
    with pytest.raises(OnnxFileError, match=r"expected 1 or 3 channels, odd\.onnx"):
        read(classifier(Wanted(channels="c")), tmp_path, layout="NCHW", channels=channels, source="odd.onnx")


def with_outputs(outputs: str):
    """The classifier, with other outputs beside or in place of its scores."""
    proto = parse(
        f"""(float[n, 3, 8, 8] pixels) => ({outputs}) {{
        maps = Conv(pixels, filters)
        means = GlobalAveragePool(maps)
        flat = Flatten(means)
        scores = Gemm<transB = 1>(flat, matrix, bias)
        label = ArgMax<axis = 1, keepdims = 0>(scores)
        corners = Unsqueeze(scores, axes) }}""",
        weights(Wanted()) | {"axes": np.array([2, 3])},
    )
    if not outputs:
        zipped = helper.make_node("ZipMap", ["scores"], ["zipped"], domain="ai.onnx.ml", classlabels_int64s=range(5))
        proto.graph.node.append(zipped)
        maps = helper.make_map_type_proto(7, helper.make_tensor_type_proto(FLOAT, []))
        proto.graph.output.append(helper.make_value_info("zipped", helper.make_sequence_type_proto(maps)))
    return proto


@pytest.mark.parametrize("outputs", ["int64[n] label, float[n, 5] scores", "float[n, 5, 1, 1] corners"])
def test_the_one_output_of_scores_is_found(outputs, tmp_path):
    found = read(with_outputs(outputs), tmp_path)
    assert (found.output_name, found.classes) == (outputs.split()[-1], 5)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ("float[n, 5] scores, float[n, 4] flat", "has 2 .*with the logits alone"),
        ("int64[n] label", "is it an image classifier"),
        ("float[n, 4, 8, 8] maps", "gives maps .*is it an image classifier"),
        ("", "ZipMap.*zipmap=False"),
    ],
)
def test_no_output_of_scores(outputs, message, tmp_path):
    with pytest.raises(OnnxFileError, match=message):
        read(with_outputs(outputs), tmp_path)


def test_two_inputs(tmp_path):
    proto = classifier()
    proto.graph.node.append(helper.make_node("Add", ["scores", "prior"], ["sum"]))
    proto.graph.input.append(helper.make_tensor_value_info("prior", FLOAT, [5]))
    proto.graph.output[0].name = "sum"
    with pytest.raises(OnnxFileError, match=r"one input of images, .* has 2 \(pixels, prior\)"):
        read(proto, tmp_path)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", [FLOAT, FLOAT16, UINT8])
def test_random_images_are_as_the_file_takes_them(layout, dtype, tmp_path):
    path = save(classifier(Wanted(layout=layout, dtype=dtype, size=("h", "w"))), tmp_path / "net.onnx")
    session = open_session(path, threads=1)
    signature = signature_of(session)
    images, again = (signature.random_images(np.random.default_rng(0), batch_size=2, image_size=12) for _ in range(2))
    assert images.shape == ((2, 3, 12, 12) if layout == "NCHW" else (2, 12, 12, 3))
    assert images.dtype == signature.dtype
    assert images.flags.c_contiguous
    assert session.run(None, {"pixels": images})[0].shape == (2, 5)
    np.testing.assert_array_equal(images, again)


def takes(*, batch=None, size=(None, None), layout="NCHW", dtype="float32") -> Signature:
    return Signature("x", "y", layout, dtype, batch, 3, *size, 5)


def test_bytes_cover_their_range_and_a_call_has_the_shape_that_the_file_takes():
    images = takes(layout="NHWC", dtype="uint8", size=(32, 32)).random_images(np.random.default_rng(0), batch_size=4)
    assert (images.min(), images.max()) == (0, 255)
    assert takes(batch=4, size=(8, 8)).call_shape(batch_size=4, image_size=99) == (4, 3, 8, 8)
    assert takes().call_shape(batch_size=2, image_size=16) == (2, 3, 16, 16)
    assert takes(layout="NHWC", size=(8, 9)).call_shape(batch_size=2, image_size=16) == (2, 8, 9, 3)
    assert takes().call_shape(batch_size=32, image_size=1024)[0] == 32


@pytest.mark.parametrize(
    ("signature", "batch", "size", "message"),
    [
        (takes(batch=4, size=(8, 8)), 1, None, "a batch of 4, as in the file, got 1"),
        (takes(), 1, None, "expected an image size"),
        (takes(), 0, 8, "at least 1 image, got 0"),
        (takes(), 33, 1024, r"at most 33,554,432 pixels in a call, got 33 images of 1,024 x 1,024; try"),
        (takes(batch=10**8, size=(8, 8)), 10**8, None, r"got 100,000,000 images of 8 x 8; .*another export"),
    ],
)
def test_calls_that_do_not_fit(signature, batch, size, message):
    with pytest.raises(CallError, match=message):
        signature.random_images(np.random.default_rng(0), batch_size=batch, image_size=size)


@pytest.mark.parametrize(("one", "two", "both"), [(None, None, 1), (8, None, 8), (None, 8, 8), (8, 8, 8), (8, 4, None)])
def test_a_batch_that_two_files_take(one, two, both):
    assert shared_batch(takes(batch=one), takes(batch=two)) == both


@pytest.mark.parametrize("side", ["input", "output"])
def test_messages_of_files_with_thousands_of_long_names_are_short(side, tmp_path):
    proto = classifier()
    values = getattr(proto.graph, side)
    values[0].name = "n" * 10_000
    node = proto.graph.node[0] if side == "input" else proto.graph.node[-1]
    getattr(node, side)[0] = values[0].name
    values.extend([values[0]] * 999)
    if side == "input":  # whose names have to differ
        for number, value in enumerate(values):
            value.name += str(number or "")
    with pytest.raises(OnnxFileError, match=r"net\.onnx has 1000 \(n+.*, \.\.\.\)") as caught:
        read(proto, tmp_path)
    assert len(str(caught.value)) < 1000
