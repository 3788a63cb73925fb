"""Messages about wrong settings: in the user's words, without pydantic's."""

import pytest

from compress.errors import UsageError
from compress.settings.config import build_config

WRONG = {
    "too small": ({"image_size": 5}, "--image-size: expected at least 16, got 5"),
    "too large": ({"seed": 2**31}, "--seed: expected less than 2147483648, got 2147483648"),
    "a fraction": ({"keep_macs": 3.0}, "--keep-macs: expected a fraction between 0 and 1 (0.5 keeps half), got 3.0"),
    "a word": ({"batch_size": "many"}, "--batch-size: expected a whole number, got 'many'"),
    "half an image": ({"batch_size": 2.5}, "--batch-size: expected a whole number, got 2.5"),
    "one of several": ({"channels": 2}, "--channels: expected 1 or 3, got 2"),
    "no such setting": ({"keep_mac": 0.5}, "--keep-mac: no such setting; did you mean keep_macs?"),
    "two networks": ({"model": "a.py:b"}, "expected --arch or --model, got both: 'squeezenet' and 'a.py:b'"),
    "an operator set": ({"opset": 26}, "--opset: expected at most 25, got 26"),
    "no steps": ({"align": 0}, "--align: expected 'auto' or a positive whole number, got 0"),
    "momentum without sgd": ({"momentum": 0.5}, "--momentum needs --optimizer sgd: add it, or drop --momentum"),
    "another recipe than the paper's": (
        {"preset": "paper", "weight_decay": 0.0, "schedule": "cosine"},
        "--preset paper has its own training: drop --preset, or drop --weight-decay, --schedule",
    ),
    "frozen fresh weights": (
        {"freeze_bn": True},
        "--freeze-bn needs --weights: add --weights or drop --freeze-bn",
    ),
    "a key of no file": (
        {"weights_key": "ema"},
        "--weights-key needs --weights: add --weights or drop --weights-key",
    ),
    "no rate": ({"lr": 0.0}, "--lr: expected more than 0.0, got 0.0"),
    "an optimizer": ({"optimizer": "adam"}, "--optimizer: expected 'adamw' or 'sgd', got 'adam'"),
    "a budget of the paper's": (
        {"preset": "paper", "keep_macs": 0.5},
        "--preset paper has no budget: drop --preset, or drop --keep-macs and --keep-params",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_setting_from_a_flag_is_called_by_its_flag(case):
    values, message = WRONG[case]
    with pytest.raises(UsageError) as caught:
        build_config({"arch": "squeezenet"} | values)
    assert str(caught.value) == f"wrong settings:\n  {message}"


def test_settings_of_a_file_are_called_by_their_keys_and_all_faults_are_listed(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('arch = "squeezenet"\npreset = "paper"\nimage_size = 5\n')
    with pytest.raises(UsageError) as caught:
        build_config({"population": 2}, file=file)
    assert str(caught.value).splitlines() == [
        "wrong settings:",
        f"  image_size: expected at least 16, got 5 (in {file})",
        "  --population: expected at least 4, got 2",
    ]
    with pytest.raises(UsageError, match=r"preset paper has no budget: drop preset, or drop"):
        build_config({"keep_macs": 0.4, "image_size": 32}, file=file)
    file.write_text("seed = 1\n")
    with pytest.raises(UsageError, match=r"--arch: expected the name of a network \(.*\), got none"):
        build_config({}, file=file)
