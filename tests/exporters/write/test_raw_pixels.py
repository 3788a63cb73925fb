import json

import numpy as np
import onnx
import pytest
import torch

from compress.data.preprocessing import Preprocessing
from compress.data.splits import MemorySplit
from exporters.errors import ExportError
from exporters.write.artifact import metadata_of
from exporters.write.raw_pixels import embed_preprocessing
from tests.exporters.networks import CLASSES, SHAPE
from tests.exporters.variants import MEAN, METADATA, STD, answers, write_fp32


def pixels(count: int = 12, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, *SHAPE[1:], channels), dtype=np.uint8)


def normalised(images: np.ndarray, mean=MEAN, std=STD, order="rgb") -> np.ndarray:
    """As the data sets do it."""
    shown = Preprocessing(SHAPE[1], images.shape[3], mean, std, channel_order=order)
    labels = torch.zeros(len(images), dtype=torch.int64)
    ((batch, _labels),) = MemorySplit(torch.from_numpy(images), labels, shown).batches(len(images))
    return batch.contiguous().numpy()


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_raw_pixels_give_the_answers_of_normalised_ones_bit_for_bit(made, kind, tmp_path):
    raw = embed_preprocessing(made[kind].path, tmp_path / "net.nhwc.onnx", mean=MEAN, std=STD)
    images = pixels()
    np.testing.assert_array_equal(answers(raw.path, images), answers(made[kind].path, normalised(images)))


def test_a_network_that_takes_blue_first_gets_red_green_blue_as_they_are_decoded(made, tmp_path):
    raw = embed_preprocessing(made["fp32"].path, tmp_path / "net.nhwc.onnx", mean=MEAN, std=STD, bgr=True)
    images = pixels()
    expected = answers(made["fp32"].path, normalised(images, order="bgr"))
    np.testing.assert_array_equal(answers(raw.path, images), expected)
    assert "reverses them" in metadata_of(onnx.load(raw.path))["pixel_scale"]


def test_grey_images(tmp_path):
    source = write_fp32(tmp_path / "net.onnx", "grey")
    grey = embed_preprocessing(source, tmp_path / "net.nhwc.onnx", mean=(0.449,), std=(0.226,))
    images = pixels(channels=1)
    expected = answers(source, normalised(images, (0.449,), (0.226,)))
    np.testing.assert_array_equal(answers(grey.path, images), expected)


def test_the_input_is_uint8_nhwc_with_a_free_batch(made):
    (images,) = onnx.load(made["nhwc"].path).graph.input
    kind = images.type.tensor_type
    assert kind.elem_type == onnx.TensorProto.UINT8
    assert [dim.dim_param or dim.dim_value for dim in kind.shape.dim] == ["batch", *SHAPE[1:], SHAPE[0]]
    assert answers(made["nhwc"].path, pixels(1)).shape == (1, CLASSES)


def test_the_metadata_describes_the_new_input(made):
    found = metadata_of(onnx.load(made["nhwc"].path))
    assert set(found) == set(METADATA)
    assert json.loads(found["layout"]) == "NHWC, uint8"
    assert json.loads(found["pixel_scale"]).startswith("none: the graph divides by 255")


def test_twice_is_refused(made, tmp_path):
    with pytest.raises(ExportError, match=r"expected one input float32 \[batch, C, H, W\].*has UINT8"):
        embed_preprocessing(made["nhwc"].path, tmp_path / "twice.onnx", mean=MEAN, std=STD)


@pytest.mark.parametrize(("mean", "std"), [((0.5,), (0.2,)), (MEAN, (0.2, 0.0, 0.3)), (MEAN, STD[:2])])
def test_mean_and_std_have_to_fit(source, tmp_path, mean, std):
    with pytest.raises(ExportError, match="expected mean and std > 0 for each of 3 channels"):
        embed_preprocessing(source, tmp_path / "net.onnx", mean=mean, std=std)
