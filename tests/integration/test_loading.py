"""A run's networks as modules again, from the run folder alone."""

import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn

import compress
from compress.errors import BadInputError, UsageError
from compress.runs import RunFolder
from tests.helpers.command import ROOT
from tests.helpers.runs import flip_a_bit, loaded


@pytest.fixture(scope="module")
def batch(finished):
    _config, data = loaded(finished)
    return next(iter(data.test.batches(32)))


def test_a_module_answers_as_its_onnx_file_and_the_pruned_one_is_the_default(finished, batch):
    networks = {name: compress.load(finished, name) for name in ("pruned", "original")}
    for name, module in networks.items():
        session = onnxruntime.InferenceSession((finished / f"artifacts/{name}.onnx").read_bytes())
        expected = session.run(None, {"images": batch[0].contiguous().numpy()})[0]
        assert not module.training
        with torch.no_grad():
            np.testing.assert_allclose(module(batch[0]).numpy(), expected, atol=1e-4)
    pruned, original = (sum(p.numel() for p in network.parameters()) for network in networks.values())
    assert pruned < original
    assert _equal(compress.load(str(finished)).state_dict(), networks["pruned"].state_dict())


def test_a_runs_preprocessing_gives_the_images_of_its_data(finished, batch):
    config, data = loaded(finished)
    prepare = compress.load_preprocessing(finished)
    assert data.test.files[0].is_relative_to(config.dataset)
    for file, image in zip(data.test.files, batch[0][:5], strict=False):
        assert torch.equal(prepare(Image.open(file)), image)


def test_it_can_be_trained_further(finished, batch):
    kept = RunFolder.open(finished).load_tensors("05_finetune/weights.safetensors")
    module = compress.load(finished).train()
    assert _equal(kept, module.state_dict())
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    nn.functional.cross_entropy(module(batch[0]), batch[1]).backward()
    optimizer.step()
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert not _equal(kept, module.state_dict())
    assert _equal(kept, compress.load(finished).state_dict())  # the run is as it was


def _equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def test_loading_leaves_torchs_random_numbers_alone(finished):
    before = torch.get_rng_state()
    compress.load(finished)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be_loaded(finished, tmp_path):
    with pytest.raises(UsageError, match="expected network 'pruned' or 'original', got 'smallest'"):
        compress.load(finished, "smallest")
    with pytest.raises(BadInputError, match="not a run folder"):
        compress.load(tmp_path / "nowhere")


def _damage(run: RunFolder) -> str:
    flip_a_bit(run.path / "05_finetune/weights.safetensors")
    return "changed or damaged"


def _other_weights(run: RunFolder) -> str:
    run.save_tensors("05_finetune/weights.safetensors", run.load_tensors("02_original/weights.safetensors"))
    return "does not fit its network"


def _other_plan(run: RunFolder) -> str:
    plan = run.read_text("04_remove/plan.json").replace('"features.0"', '"features.99"')
    run.write_text("04_remove/plan.json", plan)
    return "the plan does not fit the network"


@pytest.mark.parametrize("damage", [_damage, _other_weights, _other_plan])
def test_files_that_do_not_fit(run, damage):
    with RunFolder.open(run) as folder:
        message = damage(folder)
    with pytest.raises(BadInputError, match=message):
        compress.load(run)


def test_importing_compress_needs_no_torch():
    code = "import sys, compress; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
