import argparse
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from compress.errors import BadInputError
from compress.weights_files.read import read_weights_file


class Block(nn.Module):
    """A user's module: its class is never imported to read it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("kept", torch.ones(3))
        self.register_buffer("scratch", torch.ones(3), persistent=False)

    def __setstate__(self, state: object) -> None:
        raise AssertionError("the file's class was made")


def read(tmp_path: Path, saved: object) -> dict[str, object]:
    torch.save(saved, tmp_path / "w.pt")
    return {name: entry.value for name, entry in read_weights_file(tmp_path / "w.pt").items()}


def test_a_pickled_module_is_read_as_its_state_dict_without_its_class(tmp_path: Path):
    module = nn.Sequential(Block(), nn.BatchNorm2d(4))
    found = read(tmp_path, {"model": module, "ema": None})
    assert found.keys() == {f"model.{name}" for name in module.state_dict()}
    assert torch.equal(found["model.0.layer.weight"], module[0].layer.weight)


def test_arguments_and_numbers_of_a_training_script_are_passed_over(tmp_path: Path):
    saved = {"model": {"w": torch.ones(2)}, "args": argparse.Namespace(lr=0.1, out=Path("x")), "best": np.float64(0.5)}
    assert read(tmp_path, saved).keys() == {"model.w"}


def test_a_dict_that_holds_itself_is_read_once(tmp_path: Path):
    loop: dict[str, object] = {"w": torch.ones(1)}
    loop["again"] = [loop, loop]
    loop["deep"] = {"more": loop}
    assert read(tmp_path, loop).keys() == {"w"}


def test_folders_and_torchscript_archives_are_refused_with_what_to_do(tmp_path: Path):
    with pytest.raises(BadInputError, match=r"give the file in it, such as model\.safetensors"):
        read_weights_file(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, but there are files of it
        torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)).save(tmp_path / "s.pt")
    with pytest.raises(BadInputError, match=r"TorchScript archive.*torch\.jit\.load"):
        read_weights_file(tmp_path / "s.pt")


def test_a_text_is_no_weights_file_and_no_code(tmp_path):
    (tmp_path / "weights.pt").write_text("# Notes\n")
    with pytest.raises(BadInputError, match="is not a weights file: neither safetensors nor what torch"):
        read_weights_file(tmp_path / "weights.pt")
