"""A run's networks as modules again, from the run folder alone."""

import shutil
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import compress
from compress.errors import BadInputError, UsageError
from compress.runs import RunFolder
from tests.helpers.command import ROOT
from tests.helpers.runs import loaded


@pytest.fixture(scope="module")
def batch(finished):
    _config, data = loaded(finished)
    return next(iter(data.test.batches(32)))


@pytest.mark.parametrize("network", ["pruned", "original"])
def test_a_module_answers_as_its_onnx_file(finished, batch, network):
    module = compress.load(finished, network)
    session = onnxruntime.InferenceSession((finished / f"artifacts/{network}.onnx").read_bytes())
    expected = session.run(None, {"images": batch[0].contiguous().numpy()})[0]
    assert not module.training
    with torch.no_grad():
        np.testing.assert_allclose(module(batch[0]).numpy(), expected, atol=1e-4)


def test_the_pruned_one_is_smaller_and_is_the_default(finished):
    pruned, original = compress.load(str(finished)), compress.load(finished, "original")
    small, large = (sum(p.numel() for p in network.parameters()) for network in (pruned, original))
    assert small < large
    kept = RunFolder.open(finished).load_tensors("05_finetune/weights.safetensors")
    assert all(torch.equal(value, kept[name]) for name, value in pruned.state_dict().items())


def test_it_can_be_trained_further(finished, batch):
    module = compress.load(finished).train()
    images, labels = batch
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    before = {name: value.clone() for name, value in module.named_parameters()}
    loss = nn.functional.cross_entropy(module(images), labels)
    loss.backward()
    optimizer.step()
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert any(not torch.equal(before[name], value) for name, value in module.named_parameters())
    assert torch.equal(
        compress.load(finished).state_dict()["features.0.weight"], before["features.0.weight"]
    )  # the run is as it was


def test_loading_leaves_torchs_random_numbers_alone(finished):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    compress.load(finished)
    assert torch.equal(torch.rand(4), expected)


def test_what_cannot_be_loaded(finished, tmp_path):
    with pytest.raises(UsageError, match="expected network 'pruned' or 'original', got 'smallest'"):
        compress.load(finished, "smallest")
    with pytest.raises(BadInputError, match="not a run folder"):
        compress.load(tmp_path / "nowhere")


def _flip_a_bit(run: RunFolder) -> str:
    file = run.path / "05_finetune/weights.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    return "changed or damaged"


def _other_weights(run: RunFolder) -> str:
    run.save_tensors("05_finetune/weights.safetensors", run.load_tensors("02_original/weights.safetensors"))
    return "does not fit its network"


def _other_plan(run: RunFolder) -> str:
    plan = run.read_text("04_remove/plan.json").replace('"features.0"', '"features.99"')
    run.write_text("04_remove/plan.json", plan)
    return "the plan does not fit the network"


@pytest.mark.parametrize("damage", [_flip_a_bit, _other_weights, _other_plan])
def test_files_that_do_not_fit(finished, tmp_path, damage):
    with RunFolder.open(shutil.copytree(finished, tmp_path / "run")) as run:
        message = damage(run)
    with pytest.raises(BadInputError, match=message):
        compress.load(run.path)


def test_importing_compress_needs_no_torch():
    code = "import sys, compress; compress.load; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
