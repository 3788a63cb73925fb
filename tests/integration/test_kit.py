"""A kit of a real run: made by the command line, measured by its program, read back and kept."""

import hashlib
import json

import numpy as np
import pytest

from compress.settings.verify import VerifySettings
from compress.target.table import parse_table
from compress.verdict.verify import verify_run
from exporters.device.command import main as measure
from tests.helpers.command import compress


@pytest.mark.slow  # exports, a kit, its measurement and three reports; .ci/run does the same with a real run
def test_a_run_is_measured_by_its_kit_and_keeps_what_the_device_says(run, tmp_path, monkeypatch):
    monkeypatch.setattr("compress.kit.layers.SAMPLES", 12)
    exported = compress("export", run, "--ort", "--no-verify")
    assert exported.returncode == 0, exported.stderr
    kit, file = tmp_path / "kit", tmp_path / "device-report.json"
    made = compress("kit", run, "--out", kit, "--layers", "--json")
    assert made.returncode == 0, made.stderr
    assert [one["label"] for one in json.loads(made.stdout)["files"]] == [
        "original", "pruned", "original ort", "pruned ort",
    ]  # fmt: skip
    assert np.bincount(np.load(kit / "images.npz")["labels"]).tolist() in ([22, 21, 21], [21, 22, 21], [21, 21, 22])
    assert measure(kit, ["--seconds", "0.01", "--out", str(file)]) == 0
    shown = compress("report", run, "--device", file, "--json")
    assert shown.returncode == 0, shown.stderr
    report = json.loads(shown.stdout)
    (device,) = report["devices"]
    assert [one["sha256"] for one in device["files"][:2]] == [row["sha256"] for row in report["networks"]]
    timed = {(one["original"], one["candidate"]) for one in device["timings"]}
    assert timed == {("original", "pruned"), ("original", "original ort"), ("original", "pruned ort"),
                     ("pruned", "pruned ort"), ("original ort", "pruned ort")}  # fmt: skip
    for one in device["files"]:  # the device is this machine
        assert one["answers"]["agreeing"] == 64
        assert one["answers"]["right"] == one["answers"]["expected_right"]
    again = verify_run(run, VerifySettings(batch_sizes=(1,), threads=(1,)))
    assert [one.created for one in again.devices] == [device["created"]]
    table = tmp_path / "device-layers.json"
    assert measure(kit, ["--layers", "--seconds", "0.001", "--out", str(table)]) == 0
    timed = parse_table(table.read_bytes(), source=table).samples
    files = sorted((kit / "layers").iterdir())
    assert [one.sha256 for one in timed] == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert len(files) == 12
    refused = compress("kit", run, "--out", kit)
    assert (refused.returncode, "exists already" in refused.stderr) == (2, True)
