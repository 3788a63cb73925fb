"""Samples timed for as short as can be: what does not depend on the machine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from exporters.errors import MachineError
from exporters.measure.layer_times import SCHEMA, LayerTimes, SampleFile, TimingLimits, time_samples
from exporters.write.onnx_export import export_onnx

QUICK = TimingLimits(seconds=0.0, batch_size=2)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[SampleFile]:
    """A network of two convolutions and a tenth of it."""
    folder, files = tmp_path_factory.mktemp("samples"), []
    for width in (160, 16):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        artifact = export_onnx(network, folder / f"{width}.onnx", input_shape=(3, 20, 20), opset=18, metadata={})
        files.append(SampleFile(artifact.path.read_bytes(), artifact.sha256))
    return files


def test_the_smaller_network_takes_a_fraction_of_the_reference(files: list[SampleFile]):
    done: list[int] = []
    whole, small = time_samples(files, QUICK, progress=done.append)
    assert done == [1, 2]
    assert [whole.sha256, small.sha256] == [file.sha256 for file in files]
    assert small.whole_ms < 0.5 * small.reference_ms  # it has a hundredth of the products
    convolutions = [[node for node in one.nodes if node.operator == "Conv"] for one in (whole, small)]
    assert [len(nodes) for nodes in convolutions] == [2, 2]
    assert sum(node.milliseconds for node in convolutions[1]) < sum(node.milliseconds for node in convolutions[0])
    assert len({node.name for node in whole.nodes}) == len(whole.nodes)


def test_a_table_as_json_names_everything(files: list[SampleFile]):
    (sample,) = time_samples(files[:1], QUICK)
    table = LayerTimes(SCHEMA, {"cpu": "A"}, {"onnxruntime": "1"}, batch_size=2, threads=1, samples=(sample,))
    document = json.loads(table.to_json())
    assert document.keys() == {"schema", "machine", "versions", "batch_size", "threads", "samples", "int8_for"}
    assert document["samples"][0]["nodes"][0].keys() == {"name", "operator", "milliseconds"}
    assert document["schema"] == "compress-layer-times/1"


def test_no_profile_is_left_behind(files: list[SampleFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    time_samples(files[1:], QUICK)
    assert not list(tmp_path.iterdir())


def test_a_provider_that_does_not_start_is_not_timed_on_the_cpu_instead(files: list[SampleFile]):
    with (
        pytest.warns(UserWarning, match="not in available provider names"),
        pytest.raises(MachineError, match="expected CUDAExecutionProvider to start, onnxruntime uses CPU"),
    ):
        time_samples(files[:1], replace(QUICK, provider="CUDAExecutionProvider"))
