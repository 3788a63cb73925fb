"""Resume states: what goes in comes out, and nothing in them runs."""

import io
import os
import pickle
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from compress import reading_limits
from compress.errors import BadInputError
from compress.runs import RunFolder
from compress.runs.tensor_files import is_checkpoint, next_checkpoint, state_to_bytes
from tests.helpers.runs import flip_a_bit


def test_optimizer_and_generator_states_round_trip(run):
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    generator = torch.Generator().manual_seed(5)
    plain = {"step": 7, "best": None, "history": [(1, 0.5), (2, 0.25)]}
    states = {"optimizer": optimizer.state_dict(), "generator": generator.get_state()}
    run.save_checkpoint("03_search", plain | states)
    loaded = RunFolder.open(run.path).load_checkpoint("03_search")
    assert {name: loaded[name] for name in plain} == plain
    assert torch.equal(loaded["generator"], states["generator"])
    fresh = torch.optim.AdamW(nn.Linear(3, 2).parameters())
    fresh.load_state_dict(loaded["optimizer"])
    assert torch.equal(fresh.state_dict()["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])


def test_weights_keep_what_modules_say_beside_their_tensors(run):
    state = {"0.weight": torch.ones(2), "0._extra_state": {"version": 3}, "1._extra_state": torch.ones(1)}
    run.save_tensors("a.safetensors", state)
    found = run.load_tensors("a.safetensors")
    assert found.keys() == state.keys()
    assert found["0._extra_state"] == {"version": 3}
    assert torch.equal(found["1._extra_state"], torch.ones(1))


def test_a_damaged_checkpoint_is_named(run):
    run.save_checkpoint("03_search", {"w": torch.zeros(100)})
    flip_a_bit(run.path / "03_search/checkpoint-000000.pt")
    with pytest.raises(BadInputError, match=r"checkpoint-000000\.pt was changed or damaged"):
        run.load_checkpoint("03_search")


def test_none_before_the_first_and_after_the_drop(run):
    assert run.load_checkpoint("03_search") is None
    run.save_checkpoint("03_search", {"step": 1})
    run.save_checkpoint("05_finetune", {"step": 2})
    run.finish("03_search", 1.0)
    run.finish("03_search", 1.0)
    assert run.load_checkpoint("03_search") is None
    assert run.load_checkpoint("05_finetune") == {"step": 2}


def test_names_are_numbers_that_go_on_past_ten(run):
    assert next_checkpoint("03_search", []) == "03_search/checkpoint-000000.pt"
    assert [is_checkpoint(f"03_search/checkpoint-{name}.pt") for name in ("000004", "best")] == [True, False]
    for step in range(12):
        run.save_checkpoint("03_search", {"step": step})
    assert run.load_checkpoint("03_search") == {"step": 11}
    assert [path.name for path in run.path.glob("03_search/*")] == ["checkpoint-000011.pt"]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (np.float64(1.0), "state\\['a'\\]: .* got float64"),
        ([{"b": object()}], "state\\['a'\\]\\[0\\]\\['b'\\]: .* got object"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(run, value, where):
    with pytest.raises(TypeError, match=where):
        run.save_checkpoint("03_search", {"a": value})
    assert run.load_checkpoint("03_search") is None


def packed_again(data: bytes) -> bytes:
    """The same archive, compressed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, old.read(entry))
    return stream.getvalue()


def test_a_checkpoint_that_unpacks_to_much_more_than_itself_is_refused(run):
    bomb = packed_again(state_to_bytes({"state": [7] * 10**5}))
    run.write_bytes("03_search/checkpoint-000000.pt", bomb)
    with pytest.raises(BadInputError, match=r"checkpoint-000000\.pt is not a checkpoint: it unpacks to [\d,]+ bytes"):
        run.load_checkpoint("03_search")
    packed = {"0._extra_state@packed": torch.frombuffer(bytearray(bomb), dtype=torch.uint8)}
    run.write_bytes("a.safetensors", safetensors.torch.save(packed))
    with pytest.raises(BadInputError, match=r"a\.safetensors is not a safetensors file: it unpacks to [\d,]+ bytes"):
        run.load_tensors("a.safetensors")


def test_a_checkpoint_that_takes_much_longer_than_its_size_is_refused(run, monkeypatch):
    monkeypatch.setattr(reading_limits, "_SPARE_SECONDS", 0.01)
    run.write_bytes("03_search/checkpoint-000000.pt", _pickle_of_empty_lists(5 * 10**6))
    with pytest.raises(BadInputError, match=r"checkpoint-000000\.pt is refused: .* takes more than [\d.]+ s$"):
        run.load_checkpoint("03_search")


def test_a_checkpoint_that_takes_much_more_memory_than_its_size_is_refused(run):
    """In a process of its own: this one may have so much left over from other tests."""
    run.write_bytes("03_search/checkpoint-000000.pt", _pickle_of_empty_lists(5 * 10**6))
    program = (
        "import pathlib, sys\n"
        "from compress import reading_limits\n"
        "from compress.runs.folder import RunFolder\n"
        "reading_limits._SPARE_BYTES = 0\n"
        "RunFolder.open(pathlib.Path(sys.argv[1])).load_checkpoint('03_search')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, run.path], capture_output=True, text=True, check=False)
    assert re.search(r"BadInputError: .*checkpoint-000000\.pt is refused: .* takes more than 0\.0 GiB", done.stderr)


def _pickle_of_empty_lists(count: int) -> bytes:
    """A checkpoint of a list of lists: a byte of the pickle for each, 56 bytes in memory."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(state_to_bytes({}))) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.namelist():
            pickled = entry.endswith("data.pkl")
            new.writestr(entry, b"\x80\x02}U\x01s](" + b"]" * count + b"es." if pickled else old.read(entry))
    return stream.getvalue()


class Evil:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


def test_a_pickle_that_would_run_code_does_not(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(Evil(), protocol=2)
    run.write_bytes("03_search/checkpoint-000000.pt", data)  # even where its checksum is right
    with pytest.raises(BadInputError, match=r"checkpoint-000000\.pt is not a checkpoint"):
        run.load_checkpoint("03_search")
    assert not (tmp_path / "pwned").exists()
