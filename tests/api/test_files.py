import hashlib
import json

import onnxruntime
import pytest
import torch
from torch import nn

import compress
from compress.errors import CheckFailedError, UsageError
from tests.helpers.networks import CLASSES, IMAGE, built, image_batch

NAMES = ["ant", "bee", "cat", "dog", "eel"]


def test_the_file_answers_as_the_module_and_says_what_the_caller_knows(tmp_path):
    network, shown = built("plain").train(), compress.Preprocessing(12, 2, (0.5, 0.5), (0.25, 0.25))
    path = tmp_path / "small.onnx"
    file = compress.export_onnx(network, str(path), image_batch(4), classes=NAMES, preprocessing=shown)
    assert [file.path, file.size_bytes] == [path, path.stat().st_size]
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.parameters == sum(p.numel() for p in network.parameters())
    assert file.macs == 8 * 2 * 9 * 100 + 6 * 8 * 9 * 16 + 6 * CLASSES  # 10 x 10 and 4 x 4 pixels, and the head
    assert file.max_difference < 1e-5
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = image_batch(3, seed=5)
    logits = session.run(None, {"images": images.numpy()})[0]
    with torch.no_grad():
        assert torch.allclose(torch.from_numpy(logits), network.eval()(images), atol=1e-5)
    said = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()
            if key != "producer"}  # fmt: skip
    assert [said["classes"], said["mean"], said["std"], said["image_size"]] == [NAMES, [0.5, 0.5], [0.25, 0.25], 12]


def test_what_is_not_known_is_not_in_the_file_and_the_module_is_as_it_was(tmp_path):
    network = built("plain").train()
    compress.export_onnx(network, tmp_path / "new" / "small.onnx", image_batch(2))
    session = onnxruntime.InferenceSession(tmp_path / "new" / "small.onnx", providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map.keys() == {"producer"}
    assert network.training


class Noisy(nn.Module):
    """A module that answers otherwise in torch than in the file."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3)) + (0 if torch.compiler.is_exporting() else 1)


@pytest.mark.parametrize(
    ("module", "options", "kind", "message"),
    [
        (lambda: built("plain"), {"classes": ["a", "b"]}, UsageError, "names of 5 classes, as there are logits, got 2"),
        (
            lambda: built("plain"),
            {"preprocessing": compress.Preprocessing(24, 2, (0.5,), (0.5,))},
            UsageError,
            r"gives images \(2, 12, 12\) as the example has them, got \(2, 24, 24\)",
        ),
        (lambda: nn.Linear(3, 2), {}, UsageError, "the module does not run on the example: RuntimeError"),
        (nn.Identity, {}, UsageError, r"returns one tensor of logits \(B, K\)"),
        (Noisy, {}, CheckFailedError, "small.onnx: onnxruntime and torch differ by 1"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_old_file_stays(tmp_path, module, options, kind, message):
    path = tmp_path / "small.onnx"
    path.write_bytes(b"old")
    with pytest.raises(kind, match=message):
        compress.export_onnx(module(), path, torch.randn(2, *IMAGE), **options)
    assert path.read_bytes() == b"old"


def test_an_example_without_images_proves_nothing(tmp_path):
    with pytest.raises(UsageError, match=r"an example of images \(B, C, H, W\), got \(0, "):
        compress.export_onnx(built("plain"), tmp_path / "small.onnx", torch.randn(0, *IMAGE))
