"""Exported networks, one of each kind that ``int8_graph`` treats differently; each is exported once in a process."""

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from exporters.int8.quantize import Int8Settings, quantize_int8
from exporters.write.artifact import Artifact
from exporters.write.fp16 import to_float16
from exporters.write.onnx_export import export_onnx
from exporters.write.ort_format import to_ort_format
from exporters.write.raw_pixels import embed_preprocessing
from tests.exporters.networks import CLASSES, SHAPE, Joined, plain, random_images

METADATA = {"classes": '["a", "b"]', "layout": '"NCHW, float32"', "pixel_scale": '"divide by 255"'}
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def pooled(*, channels: int = 3, squeezed: int = 8) -> nn.Module:
    """SqueezeNet in small: a stem with a max pool, a branch that is joined again, a convolution as the head."""
    torch.manual_seed(0)

    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(channels, 16, 3, stride=2)
            self.squeeze = nn.Conv2d(16, squeezed, 1)
            self.left = nn.Conv2d(squeezed, 16, 1)
            self.right = nn.Conv2d(squeezed, 16, 3, padding=1)
            self.head = nn.Conv2d(32, CLASSES, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            x = nn.functional.max_pool2d(self.stem(images).relu(), 3, 2)
            x = self.squeeze(x).relu()
            x = torch.cat([self.left(x).relu(), self.right(x).relu()], 1)
            return torch.flatten(nn.functional.adaptive_avg_pool2d(self.head(x).relu(), 1), 1)

    return Pooled()


def wide() -> nn.Module:
    """A first convolution that reads more channels than an image has."""
    return nn.Sequential(nn.Conv2d(8, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES))


NETWORKS = {
    "plain": plain,
    "plain, 64 wide": lambda: plain(width=64),
    "pooled": pooled,
    "grey": lambda: pooled(channels=1),
    "not squeezed": lambda: pooled(squeezed=24),
    "joined": Joined,
    "wide": wide,
}


@cache
def _exported(name: str) -> bytes:
    network = NETWORKS[name]()
    shape = (next(network.parameters()).shape[1], *SHAPE[1:])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        export_onnx(network, path, input_shape=shape, opset=18, metadata=METADATA)
        return path.read_bytes()


def write_fp32(path: Path, name: str = "plain") -> Path:
    """The file of one of ``NETWORKS``."""
    path.write_bytes(_exported(name))
    return path


def calibration(*, channels: int = 3) -> list[torch.Tensor]:
    return list(random_images(48, shape=(channels, *SHAPE[1:])).split(20))


def answers(path: Path, images: np.ndarray) -> np.ndarray:
    """Logits straight from onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(images)})[0]


# Kind of file -> makes it in a folder, from a float32 file.
KINDS = {
    "int8": lambda source, folder: quantize_int8(
        source, folder / "net.int8.onnx", calibration(), settings=Int8Settings()
    )[0],
    "fp16": lambda source, folder: to_float16(source, folder / "net.fp16.onnx"),
    "nhwc": lambda source, folder: embed_preprocessing(source, folder / "net.nhwc.onnx", mean=MEAN, std=STD),
    "ort": to_ort_format,
}


def make_all(folder: Path) -> dict[str, Artifact]:
    """A float32 file of "pooled" and one of every kind made of it."""
    shape = (3, *SHAPE[1:])
    source = export_onnx(pooled(), folder / "net.onnx", input_shape=shape, opset=18, metadata=METADATA)
    return {"fp32": source} | {kind: make(source.path, folder) for kind, make in KINDS.items()}


def make_all_elsewhere(folder: Path) -> None:
    """``make_all`` in another process, with another hash seed, in another folder."""
    code = "import sys, pathlib; from tests.exporters.variants import make_all; make_all(pathlib.Path(sys.argv[1]))"
    env = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, env=env, cwd=folder)


def traces(path: Path) -> list[bytes]:
    """Parts of a file that identify this machine."""
    data = path.read_bytes()
    known = (str(Path.cwd()).encode(), b"/tmp/", b"site-packages", b'.py"', b"compress-int8", b"compress-ort")
    return [word for word in (*known, str(path.parent).encode()) if word in data]
