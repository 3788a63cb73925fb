"""Samples in INT8 run as real INT8 files of cut networks do."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

from compress.structure.remove import remove_units
from compress.target.samples import SampleSet, make_samples
from exporters.int8.quantize import quantize_alike
from exporters.int8.source import Int8Types
from exporters.measure.layer_times import SampleFile, TimingLimits, time_samples
from exporters.write.onnx_export import export_onnx
from tests.helpers.latency_case import IMAGES, Case

COUNT = 10


@pytest.fixture(scope="module")
def samples(case: Case) -> SampleSet:
    return make_samples(case.network, case.prunable, IMAGES, opset=18, count=COUNT, int8=Int8Types())


def kernels(*files: SampleFile) -> list[Counter[tuple[str, str]]]:
    """The nodes of each file by name and operator, as onnxruntime runs them."""
    timed = time_samples(files, TimingLimits(seconds=0.0))
    return [Counter((node.name, node.operator) for node in one.nodes) for one in timed]


def operators(nodes: Counter[tuple[str, str]]) -> Counter[str]:
    return Counter(operator for _name, operator in nodes.elements())


def test_the_first_file_is_the_original_in_float32(samples: SampleSet):
    assert samples.int8
    assert len(samples.files) == COUNT + 1 == len(samples.counts_NG) + 1
    original, *others = [operators(one).keys() for one in kernels(*samples.files)]
    assert not any("QLinear" in operator for operator in original)
    assert all({"QLinearConv", "QGemm", "Conv"} <= operators for operators in others)  # the stem in float32
    assert all(operators & {"Clip", "Relu"} == set() for operators in others)
    assert max(len(file.data) for file in samples.files) < 15_000


@pytest.mark.parametrize("number", [0, 3, 7])
def test_a_sample_has_the_kernels_of_a_real_file(case: Case, samples: SampleSet, tmp_path: Path, number: int):
    counts = samples.counts_NG[number].tolist()
    keep = np.concatenate([np.arange(group.size) < kept for group, kept in zip(case.units.groups, counts, strict=True)])
    small = remove_units(case.network, case.units, IMAGES.new_tensor(keep).bool(), IMAGES).network
    whole, cut, int8 = (tmp_path / f"{name}.onnx" for name in ("whole", "cut", "int8"))
    for network, file in ((case.network, whole), (small, cut)):
        export_onnx(network, file, input_shape=(3, 16, 16), opset=18, metadata={})
    images = np.random.default_rng(0).normal(size=(4, 3, 16, 16)).astype(np.float32)
    quantize_alike(cut, int8, images, types=Int8Types(), whole=whole)
    real, sample = kernels(SampleFile(int8.read_bytes(), "0" * 64), samples.files[number + 1])
    assert operators(sample) == operators(real)
    weights = [
        {tuple(one.dims) for one in graph.initializer if one.data_type == onnx.TensorProto.INT32}
        for graph in (onnx.load(int8).graph, onnx.load_model_from_string(samples.files[number + 1].data).graph)
    ]
    assert weights[0] == weights[1]  # biases, so many as the layer has outputs


def test_int8_layers_are_found_by_their_weights(case: Case, samples: SampleSet):
    found = {samples.source.find(*node).name: samples.source.find(*node) for node in kernels(*samples.files[:2])[1]}
    assert {name: layer.bytes_each for name, layer in found.items() if name in case.model.layers} == {
        "0": 4, "3": 1, "5": 1, "9": 1,
    }  # fmt: skip
