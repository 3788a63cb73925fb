"""How open settings are decided."""

import pytest

from compress.environment import usable_cores
from compress.errors import UsageError
from compress.networks.own_code import import_code
from compress.runs.decide import decide, load_decided, thread_notes
from compress.settings.config import RunConfig


def test_more_threads_than_cores_are_a_note():
    cores = usable_cores()
    (note,) = thread_notes(decide(RunConfig(arch="squeezenet", threads=cores + 1)))
    assert note.startswith(f"threads: {cores + 1}, usable cores: {cores};")
    assert [thread_notes(decide(RunConfig(arch="squeezenet", threads=count))) for count in (cores, None)] == [(), ()]


FLAT = "from torch import nn\ndef build(n):\n    return nn.Sequential(nn.Flatten(), nn.Linear({inputs}, n))\n"


def test_an_error_of_other_code_names_the_given_code_and_the_runs_own(tmp_path):
    for name, inputs in (("mine", 28 * 28), ("other", 17)):
        (tmp_path / f"{name}.py").write_text(FLAT.format(inputs=inputs))
    mine, other, moved = (f"{tmp_path}/{name}.py:build" for name in ("mine", "other", "moved"))
    (tmp_path / "moved.py").write_text(FLAT.format(inputs=28 * 28))
    config = RunConfig(model=mine, image_size=28, channels=1)
    with pytest.raises(UsageError) as caught:
        load_decided(decide(config.with_code(import_code(other))))
    message = f"the network was built by {mine}; you gave {other}, and other.build does not take grey images"
    assert str(caught.value).startswith(message)
    assert "mine.build" not in str(caught.value)
    settings, _data = load_decided(decide(config.with_code(import_code(moved))))  # the same code in another place
    assert settings.arch == "mine.build"
    with pytest.raises(UsageError, match=r"^other.build does not take grey images"):
        load_decided(decide(RunConfig(model=other, image_size=28, channels=1).with_code(import_code(other))))
