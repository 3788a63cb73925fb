"""No weights file takes memory, time or trust: it is refused in one line that names it, or read."""

import psutil
import pytest
import torch
from torch import nn

from compress import reading_limits
from compress.errors import BadInputError, EnvironmentProblem
from compress.training.load_weights import load_weights
from tests.helpers.hostile_weights import HOSTILE_WEIGHTS

READ = ("sparse", "1e30")


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


@pytest.mark.parametrize("name", [name for name in HOSTILE_WEIGHTS if name not in READ])
def test_it_is_refused_in_one_line_that_names_it(tmp_path, monkeypatch, name):
    monkeypatch.setattr(reading_limits, "_SPARE_BYTES", 2**28)
    monkeypatch.setattr(reading_limits, "_SPARE_SECONDS", 1)
    file = HOSTILE_WEIGHTS[name](tmp_path)
    with pytest.raises((BadInputError, EnvironmentProblem)) as refused:
        load_weights(network(), file, head=())
    message = str(refused.value)
    assert file.name in message
    assert len(message) < 600
    assert "\n" not in message
    assert isinstance(refused.value, BadInputError) or file.stat().st_size > psutil.virtual_memory().available


@pytest.mark.parametrize("name", READ)
def test_odd_numbers_that_are_weights_are_read(tmp_path, name):
    load_weights(network(), HOSTILE_WEIGHTS[name](tmp_path), head=())


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("NaN", r"w\.pt holds NaN or infinity in 0\.weight, .*running_var"),
        ("1e300", r"w\.pt holds numbers that are too large for float32 in 0\.weight, "),
        ("negative", r"w\.pt holds negative variances in 1\.running_var$"),
        ("complex", r"w\.pt holds complex numbers \(complex64\), expected float32, in 0\.weight"),
        ("nested", r"w\.pt is not a weights file: it holds a nested tensor, 0\.weight"),
        ("a name of a million dots", r"w\.pt is not a weights file: it has a name of 1,000,000 characters"),
        ("a pickle that unpacks to 20 MiB", r"w\.pt .*it unpacks to 20,\d+,\d+ bytes, more than 4 times its own"),
        ("a bytearray of 30 GB", r"w\.pt is refused: .* reading it takes more than 2\.0 GiB of memory"),
    ],
)
def test_the_message_says_which_tensor_and_what_is_wrong(tmp_path, name, fault):
    with pytest.raises(BadInputError, match=fault):
        load_weights(network(), HOSTILE_WEIGHTS[name](tmp_path), head=())


def test_a_tensor_of_many_numbers_on_few_is_never_filled_in(tmp_path):
    saved = {"weight": torch.zeros(1).expand(2**40)}
    torch.save(saved, tmp_path / "w.pt")
    with pytest.raises(BadInputError, match="holds the weights of another network"):
        load_weights(network(), tmp_path / "w.pt", head=())


@pytest.mark.parametrize("link", ["/dev/zero", "itself.pt", "/dev/null"])
def test_a_link_to_no_file_is_not_read(tmp_path, link):
    (tmp_path / "itself.pt").symlink_to(link)
    with pytest.raises(BadInputError, match=r"itself\.pt(: expected a regular file, got a device|$)"):
        load_weights(network(), tmp_path / "itself.pt", head=())
