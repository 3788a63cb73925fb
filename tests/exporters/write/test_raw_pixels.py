import json

import numpy as np
import onnx
import pytest
import torch

from compress.data.bundle import Preprocessing
from compress.data.splits import MemorySplit
from exporters.errors import ExportError
from exporters.write.artifact import metadata_of
from exporters.write.int8 import Int8Settings, quantize_int8
from exporters.write.raw_pixels import embed_preprocessing
from tests.exporters.networks import CLASSES, SHAPE
from tests.exporters.variants import (
    MEAN,
    METADATA,
    STD,
    answers,
    calibration,
    made_elsewhere,
    traces,
    write_fp32,
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_fp32(tmp_path_factory.mktemp("nhwc") / "net.onnx", "pooled")


@pytest.fixture(scope="module")
def made(source):
    return embed_preprocessing(source, source.parent / "net.nhwc.onnx", mean=MEAN, std=STD)


def pixels(count: int = 12, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, *SHAPE[1:], channels), dtype=np.uint8)


def normalised(images: np.ndarray, mean=MEAN, std=STD) -> np.ndarray:
    """As the data sets do it."""
    shown = Preprocessing(image_size=SHAPE[1], channels=images.shape[3], mean=mean, std=std, resize="none")
    labels = torch.zeros(len(images), dtype=torch.int64)
    ((batch, _labels),) = MemorySplit(torch.from_numpy(images), labels, shown).batches(len(images))
    return batch.contiguous().numpy()


def test_raw_pixels_give_the_answers_of_normalised_ones_bit_for_bit(made, source):
    images = pixels()
    np.testing.assert_array_equal(answers(made.path, images), answers(source, normalised(images)))


def test_of_an_int8_file_too(source, tmp_path):
    int8, _ = quantize_int8(source, tmp_path / "net.int8.onnx", calibration(), settings=Int8Settings())
    both = embed_preprocessing(int8.path, tmp_path / "net.int8.nhwc.onnx", mean=MEAN, std=STD)
    images = pixels()
    np.testing.assert_array_equal(answers(both.path, images), answers(int8.path, normalised(images)))


def test_grey_images(tmp_path):
    source = write_fp32(tmp_path / "net.onnx", "grey")
    made = embed_preprocessing(source, tmp_path / "net.nhwc.onnx", mean=(0.449,), std=(0.226,))
    images = pixels(channels=1)
    expected = answers(source, normalised(images, (0.449,), (0.226,)))
    np.testing.assert_array_equal(answers(made.path, images), expected)


def test_the_input_is_uint8_nhwc_with_a_free_batch(made):
    (images,) = onnx.load(made.path).graph.input
    kind = images.type.tensor_type
    assert kind.elem_type == onnx.TensorProto.UINT8
    assert [dim.dim_param or dim.dim_value for dim in kind.shape.dim] == ["batch", *SHAPE[1:], SHAPE[0]]
    assert answers(made.path, pixels(1)).shape == (1, CLASSES)


def test_the_metadata_says_so_and_nothing_tells_of_the_machine(made):
    told = metadata_of(onnx.load(made.path))
    assert set(told) == set(METADATA)
    assert json.loads(told["layout"]) == "NHWC, uint8"
    assert json.loads(told["pixel_scale"]).startswith("none: the graph divides by 255")
    assert traces(made.path) == []


def test_same_bytes_in_another_process(made, source, tmp_path):
    code = (
        "from exporters.write.raw_pixels import embed_preprocessing\n"
        "from tests.exporters.variants import MEAN, STD\n"
        "embed_preprocessing(source, target, mean=MEAN, std=STD)"
    )
    assert made_elsewhere(code, source, tmp_path / "other.onnx") == made.path.read_bytes()


def test_twice_is_refused(made, tmp_path):
    with pytest.raises(ExportError, match=r"expected one input float32 \[batch, C, H, W\].*has UINT8"):
        embed_preprocessing(made.path, tmp_path / "twice.onnx", mean=MEAN, std=STD)


@pytest.mark.parametrize(("mean", "std"), [((0.5,), (0.2,)), (MEAN, (0.2, 0.0, 0.3)), (MEAN, STD[:2])])
def test_mean_and_std_have_to_fit(source, tmp_path, mean, std):
    with pytest.raises(ExportError, match="expected mean and std > 0 for each of 3 channels"):
        embed_preprocessing(source, tmp_path / "net.onnx", mean=mean, std=std)
