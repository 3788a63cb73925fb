"""``compress export`` on a finished run and on weights alone, through the real command line."""

import json
import shutil
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest

from compress.report.model import parse_report
from compress.runs import RunFolder
from compress.runs.file_records import recorded_files
from tests.helpers.command import compress
from tests.helpers.datasets import write_image_folder
from tests.helpers.runs import loaded
from tests.helpers.small_network import SPEC

ROWS = ["original", "pruned", "original int8", "pruned int8"]


def logits(path, images):
    session = onnxruntime.InferenceSession(path.read_bytes())
    return session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(images)})[0]


def test_int8_files_become_rows_of_the_same_report_and_again_are_the_same_bytes(small_finished, tmp_path):
    run = shutil.copytree(small_finished, tmp_path / "run")
    given = ("--calibration", "minmax", "--float-layers", "0")  # nothing is left to a clock
    flags = ("--model", SPEC, "--int8", "--calibration-images", 54, *given, "--quiet", "--json")
    done = compress("export", run, *flags)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [one["label"] for one in document["files"]] == ROWS[2:]
    report = parse_report((run / "report.json").read_text(), source="report.json")
    assert document["report"] == json.loads(report.model_dump_json())
    assert [row.label for row in report.networks] == ROWS
    pruned = report.networks[3]
    assert pruned.quantization.calibration_images == 54
    assert abs(pruned.source_drop.points) < 5
    assert pruned.size_bytes < 0.5 * report.candidate.size_bytes
    subprocess.run(["sha256sum", "-c", "--quiet", "MANIFEST.sha256"], cwd=run, check=True)
    again = compress("export", run, *flags, "--no-verify")
    assert [[one["sha256"] for one in json.loads(found.stdout)["files"]] for found in (done, again)] == [
        [row.sha256 for row in report.networks[2:]]
    ] * 2
    assert [file.label for file in recorded_files(RunFolder.open(run))] == ROWS


def test_all_kinds_of_files_answer_as_the_run_does(run):
    flags = ("--fp16", "--embed-preprocessing", "--ort", "--opset", 20, "--no-verify")
    done = compress("export", run, *flags)
    assert done.returncode == 0, done.stderr
    assert f"Measure them: compress verify {run}" in done.stderr
    assert "pruned.opset20.onnx agrees with the module" in done.stdout
    files = {file.label: file for file in recorded_files(RunFolder.open(run))}
    assert "pruned opset20 nhwc" in files
    assert files["pruned opset20"].parity.passed
    _config, data = loaded(run)
    images, _labels = next(iter(data.test.batches(40)))
    expected = logits(run / "artifacts/pruned.onnx", images.numpy())
    shown = data.preprocessing
    pixels = np.round((images.permute(0, 2, 3, 1).numpy() * shown.std[0] + shown.mean[0]) * 255)
    for name, given, tolerance in (
        ("pruned.opset20.onnx", images.numpy(), 1e-4),
        ("pruned.opset20.ort", images.numpy(), 1e-4),
        ("pruned.opset20.nhwc.onnx", pixels.astype(np.uint8), 1e-3),
        ("pruned.opset20.fp16.onnx", images.numpy(), 0.05),
    ):
        found = logits(run / "artifacts" / name, given)
        np.testing.assert_allclose(found, expected, atol=tolerance * max(1, np.abs(expected).max()))
    named = json.loads((run / "artifacts/model.json").read_text())["files"]
    assert named["pruned opset20 ort"] == "pruned.opset20.ort"
    assert named["pruned"] == "pruned.onnx"
    assert onnx.load(run / "artifacts/pruned.opset20.nhwc.onnx").opset_import[0].version == 20


def test_weights_without_a_run(finished, images, tmp_path):
    weights, out = finished / "02_original/weights.safetensors", tmp_path / "my files"
    flags = ("--arch", "squeezenet", "--weights", weights, "--dataset", images, "--image-size", 24, "--out", out)
    done = compress("export", *flags, "--int8", "--embed-preprocessing")
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in out.iterdir()) == [
        "model.int8.nhwc.onnx", "model.int8.onnx", "model.json", "model.nhwc.onnx", "model.onnx",
    ]  # fmt: skip
    assert (out / "model.onnx").read_bytes() == (finished / "artifacts/original.onnx").read_bytes()
    facts = json.loads((out / "model.json").read_text())
    recorded = json.loads((finished / "artifacts/model.json").read_text())
    assert {**facts, "files": 0} == {**recorded, "files": 0}
    assert f"compress verify --original '{out}/model.onnx' --candidate '{out}/model.int8.onnx'" in done.stderr
    assert "Note: preprocessing of the given weights assumed: pixels / 255" in done.stderr
    assert "Note: model.int8.onnx: Top-1 " in done.stderr
    assert list(tmp_path.iterdir()) == [out]
    again = compress("export", *flags)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)


def test_preprocessing_that_is_stated_comes_back_from_the_files(finished, images, tmp_path):
    weights, first, again = finished / "02_original/weights.safetensors", tmp_path / "first", tmp_path / "again"
    flags = ("--arch", "squeezenet", "--weights", weights, "--dataset", images)
    stated = ("--crop", 24, "--resize", 28, "--interpolation", "bicubic", "--mean", 127.5, "--std", 51)
    done = compress("export", *flags, *stated, "--pixel-range", 255, "--out", first)
    assert (done.returncode, "assumed" in done.stderr) == (0, False), done.stderr
    facts = json.loads((first / "model.json").read_text())
    assert (facts["image_size"], facts["mean"], facts["std"]) == (24, [0.5], [0.2])
    assert "bicubic with antialiasing to a shorter side of 28 pixels, centred 24 x 24 pixels cut out" in facts["resize"]
    done = compress("export", *flags, "--preprocessing", first / "model.json", "--out", again)
    assert done.returncode == 0, done.stderr
    assert (again / "model.onnx").read_bytes() == (first / "model.onnx").read_bytes()
    noted = {entry.key: entry.value for entry in onnx.load(first / "model.onnx").metadata_props}
    assert json.loads(noted["preprocessing"]) == facts["preprocessing"]


def test_weights_of_other_classes(finished, tmp_path):
    data = write_image_folder(tmp_path / "more", train=10, test=2, size=24, classes=4)
    weights = finished / "02_original/weights.safetensors"
    done = compress("export", "-a", "squeezenet", "--weights", weights, "--dataset", data, "--out", tmp_path / "out")
    assert done.returncode == 4
    assert "another number of classes than the 4 of more" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "expected a run folder"),
        (["RUN", "--arch", "squeezenet", "--int8"], 2, "expected a run folder"),
        (["RUN"], 2, "already has its float32 files"),
        (["RUN", "--int8", "--image-size", 32], 2, "drop --image-size"),
        (["RUN", "--opset", 12], 2, "--opset: expected at least 18, got 12"),
        (["/nowhere", "--int8"], 4, "is not a run folder"),
        (["--arch", "squeezenet", "--weights", "w"], 2, "give --dataset, --out too"),
    ],
)
def test_a_wrong_call_says_why(finished, arguments, code, message):
    done = compress("export", *[finished if word == "RUN" else word for word in arguments])
    assert done.returncode == code
    assert message in done.stderr
