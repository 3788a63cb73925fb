"""Files of settings are somebody else's too: whatever is in them is told in one line, soon."""

import os

import pytest

from compress.errors import UsageError
from compress.settings.config import build_config
from compress.settings.toml_files import read_toml

HUGE = "0x" + "f" * 9000  # Python refuses to print it


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'arch = "\xe9"', "run.toml is not valid TOML: 'utf-8' codec"),
        ('arch = "a"'.encode("utf-16"), "run.toml is not valid TOML: 'utf-8' codec"),
        (b"arch", "run.toml is not valid TOML: Expected"),
        (b"epochs = " + b"9" * 5000, "run.toml is not valid TOML: .*digits"),
        (f"epochs = {HUGE}".encode(), "run.toml: epochs: expected whole numbers of at most 64 bits"),
        (f"seed = 1\nmean = [[{HUGE}]]\nsearch.a.b = {HUGE}".encode(), "run.toml: mean, search: expected whole"),
        (b'weights = "a\\u0000b"', "run.toml: weights: expected .* text without NUL"),
        (b"x = " + b"[" * 5000, "run.toml is not TOML that can be read: it is nested too deeply"),
        (b"a." * 30_000 + b"a = 1", "nested too deeply"),  # for tomllib a matter of minutes
        (b"#" * 70_000, "expected at most 65,536 bytes, got 70,000"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(tmp_path, content, message):
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_toml(tmp_path / "run.toml")


def test_a_pipe_is_no_file_of_settings(tmp_path):
    os.mkfifo(tmp_path / "run.toml")
    with pytest.raises(UsageError, match=r"the config .*run\.toml: expected a regular file, got a named pipe"):
        read_toml(tmp_path / "run.toml")


def test_a_mark_of_the_byte_order_is_no_setting(tmp_path):
    (tmp_path / "run.toml").write_text('arch = "squeezenet"\nlr = 0.1\n', encoding="utf-8-sig")
    assert read_toml(tmp_path / "run.toml") == {"arch": "squeezenet", "lr": 0.1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lr = inf", "lr: expected a finite number, got inf"),
        ("lr = nan", "lr: expected a finite number, got nan"),
        ("mean = [nan]", "mean: expected numbers such as"),
        ("preprocessing = []", r"preprocessing: expected .*, got \[\]"),
        ("epochs = 1979-05-27", "epochs: expected a whole number, got"),
    ],
)
def test_values_that_are_none_are_called_by_their_keys(tmp_path, line, message):
    (tmp_path / "run.toml").write_text(f'arch = "squeezenet"\n{line}\n')
    with pytest.raises(UsageError, match=message):
        build_config({}, file=tmp_path / "run.toml")
