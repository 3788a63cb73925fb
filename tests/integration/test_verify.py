"""``compress verify`` on a finished run and on any two files, through the real command line."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compress.report.store import parse_report
from compress.runs import RunFolder
from tests.helpers.command import compress

QUICK = ("--seconds", 0.05, "--batch-sizes", "1", "--threads", "1", "--quiet")


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run that a test may change."""
    return shutil.copytree(finished, tmp_path / "run")


def mean_colour_classifier(path, *, classes=3, size=24, layout="NCHW", batch="batch"):
    """By hand: logits are -(mean pixel - level of the class)^2, for grey images of 0..1."""
    shape = [batch, 1, size, size] if layout == "NCHW" else [batch, size, size, 1]
    levels = np.array([[0.84, 0.16, 0.5]], np.float32)[:, :classes]  # bright, dark, middling: the folder's order
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("Sub", ["column", "levels"], ["distance"]),
        helper.make_node("Mul", ["distance", "distance"], ["square"]),
        helper.make_node("MatMul", ["square", "minus"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, classes])],
        [
            numpy_helper.from_array(np.array([1, 2, 3]), "axes"),
            numpy_helper.from_array(np.array([1]), "one"),
            numpy_helper.from_array(levels, "levels"),
            numpy_helper.from_array(-10 * np.eye(classes, dtype=np.float32), "minus"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_run_is_measured_again_from_its_files_alone(run):
    before = parse_report((run / "report.json").read_text(), source="before")
    done = compress("verify", run, *QUICK, "--json")
    assert done.returncode == 0, done.stderr
    after = parse_report(done.stdout, source="stdout")
    assert after == parse_report((run / "report.json").read_text(), source="after")
    for old, new in zip(before.networks, after.networks, strict=True):
        assert (new.accuracy, new.drop, new.comparison, new.sha256) == (
            old.accuracy,
            old.drop,
            old.comparison,
            old.sha256,
        )
        assert new.parity is not None
        assert new.parity.passed
    assert len(after.latency) == 1
    assert after.run is not None
    assert after.run.training.keys() == {"01_baseline", "02_original", "05_finetune"}
    assert after.created in (run / "report.html").read_text()
    assert "MODEL_CARD.md" in (run / "MANIFEST.sha256").read_text()


def test_gates_that_are_kept_and_gates_that_are_missed(run):
    kept = compress("verify", run, *QUICK, "--max-drop", 100, "--max-size-mb", 100, "--max-macs", "1G", "--json")
    assert kept.returncode == 0, kept.stderr
    assert [gate["gate"] for gate in json.loads(kept.stdout)["gates"]] == ["max-drop", "max-size-mb", "max-macs"]
    missed = compress("verify", run, *QUICK, "--min-speedup", 1000, "--max-macs", 1000, "--max-drop", 100)
    assert missed.returncode == 3
    assert "min-speedup: " in missed.stderr
    assert "max-macs: " in missed.stderr
    assert "max-drop" not in missed.stderr
    assert "missed by" in missed.stderr
    report = parse_report((run / "report.json").read_text(), source="report")  # the reports say so too
    assert [(gate.gate, gate.passed) for gate in report.gates] == [
        ("max-drop", True), ("min-speedup", False), ("max-macs", False),
    ]  # fmt: skip


def test_with_json_a_missed_gate_leaves_one_document(run):
    missed = compress("verify", run, *QUICK, "--max-size-mb", 0.001, "--json")
    assert missed.returncode == 3
    (gate,) = json.loads(missed.stdout)["gates"]
    assert (gate["gate"], gate["passed"]) == ("max-size-mb", False)
    assert "max-size-mb: " in missed.stderr


def test_reports_may_go_elsewhere_and_the_run_is_then_only_read(run, tmp_path):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = compress("verify", run, *QUICK, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.json", "report.md", "report.html", "MODEL_CARD.md",
    }  # fmt: skip
    again = compress("verify", run, *QUICK, "--out", tmp_path / "out")
    assert again.returncode == 2
    assert "exists already" in again.stderr


@pytest.mark.parametrize("rel", ["artifacts/pruned.onnx", "02_original/weights.safetensors", "04_remove/plan.json"])
def test_a_flipped_bit_of_a_file_is_found(run, rel):
    path = run / rel
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = compress("verify", run, *QUICK)
    assert done.returncode == 4
    assert f"{path.name} was changed or damaged" in done.stderr


def test_a_file_that_is_not_the_one_on_record_is_found(run):
    """As an export leaves it that was killed between the file and its record."""
    with RunFolder.open(run) as folder:
        folder.write_bytes("artifacts/pruned.onnx", (run / "artifacts/original.onnx").read_bytes())
    done = compress("verify", run, *QUICK)
    assert done.returncode == 4
    assert "is not the file on record for pruned" in done.stderr


def test_other_images_are_refused(run, images, tmp_path):
    other = shutil.copytree(images, tmp_path / "other")
    next((other / "test/dark").glob("*.png")).unlink()
    done = compress("verify", run, *QUICK, "--dataset", other)
    assert done.returncode == 4
    assert "are not those this run began with" in done.stderr


def test_the_images_may_have_moved(run, images, tmp_path):
    moved = shutil.copytree(images, tmp_path / images.name)
    done = compress("verify", run, *QUICK, "--dataset", moved)
    assert done.returncode == 0, done.stderr


def test_two_files_made_by_hand(images, tmp_path):
    original = mean_colour_classifier(tmp_path / "original.onnx")
    candidate = mean_colour_classifier(tmp_path / "candidate.onnx", layout="NHWC", batch=1)
    done = compress(
        "verify", "--original", original, "--candidate", candidate, "--dataset", images, *QUICK, "--json",
        "--mean", "0", "--std", "1", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = parse_report(done.stdout, source="stdout")
    assert report.run is None
    assert [row.accuracy.top1.hits for row in report.networks] == [90, 90]  # 20 grey levels of noise average out
    assert report.candidate.comparison is not None
    assert report.candidate.comparison.agreement.value == 1.0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.json", "report.md", "report.html"}


@pytest.mark.parametrize(("batches", "profiled"), [((8, 8), 8), (("n", 5), 5), ((4, 8), None)])
def test_files_of_a_fixed_batch(batches, profiled, images, tmp_path):
    original, candidate = (
        mean_colour_classifier(tmp_path / f"{name}.onnx", batch=batch)
        for name, batch in zip(("original", "candidate"), batches, strict=True)
    )
    done = compress(
        "verify", "--original", original, "--candidate", candidate, "--dataset", images, "--mean", "0", "--std", "1",
        "--seconds", 0.05, "--threads", "1", "--quiet", "--json", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = parse_report(done.stdout, source="stdout")
    assert [row.accuracy.top1.hits for row in report.networks] == [90, 90]
    assert (None if report.operators is None else report.operators.batch_size) == profiled
    assert [row.comparison.batch_size for row in report.latency] == ([profiled] if profiled else [])
    assert ("fixed batches of 4 and 8: no times can be compared" in report.notes) == (profiled is None)
    wanted = [1 if batch == "n" else batch for batch in batches]
    assert [row.memory.batch_size for row in report.networks if row.memory] == wanted


def test_a_layout_that_only_the_user_knows(images, tmp_path):
    free = mean_colour_classifier(tmp_path / "free.onnx")
    model = onnx.load(free)
    for axis, name in zip(model.graph.input[0].type.tensor_type.shape.dim, "nchw", strict=True):
        axis.dim_param = name
    free.write_bytes(model.SerializeToString())
    arguments = (
        "verify", "--original", free, "--candidate", free, "--dataset", images, *QUICK,
        "--mean", "0", "--std", "1", "--json",
    )  # fmt: skip
    refused = compress(*arguments)
    assert refused.returncode == 4
    assert "try --layout NCHW or --layout NHWC" in refused.stderr
    done = compress(*arguments, "--layout", "nchw")
    assert done.returncode == 0, done.stderr
    report = parse_report(done.stdout, source="stdout")
    assert [row.accuracy.top1.hits for row in report.networks] == [90, 90]
    assert len(report.latency) == 1
    assert report.operators is not None
    assert {row.signature.layout for row in report.networks} == {"NCHW"}


def test_test_images_are_enough(images, tmp_path):
    shutil.copytree(images / "test", tmp_path / "alone/test")
    by_hand = mean_colour_classifier(tmp_path / "by hand.onnx")
    arguments = (
        "verify", "--original", by_hand, "--candidate", by_hand, "--dataset", tmp_path / "alone",
        "--mean", "0", "--std", "1", *QUICK, "--out", tmp_path / "out",
    )  # fmt: skip
    done = compress(*arguments)
    assert done.returncode == 0, done.stderr
    report = parse_report((tmp_path / "out/report.json").read_text(), source="out")
    assert (report.data.train, report.data.val, report.data.test) == (0, 0, 90)
    assert "no train/: only the test images are used" in report.notes


def test_a_run_s_file_against_one_made_by_hand(finished, images, tmp_path):
    by_hand = mean_colour_classifier(tmp_path / "by hand.onnx")
    done = compress(
        "verify", "--original", finished / "artifacts/original.onnx", "--candidate", by_hand, "--dataset", images,
        *QUICK, "--mean", "0", "--std", "1", "--max-size-mb", 0.001,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "by hand.onnx" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "what shall be verified?"),
        (("--original", "a.onnx"), "give --candidate, --dataset too"),
        (("--original", "a.onnx", "--candidate", "b.onnx"), "give --dataset too"),
        (("runs/x", "--max-drop", "nan"), "expected a finite number"),
        (("runs/x", "--max-macs", "many"), "expected a number such as 4000000"),
        (("runs/x", "--batch-sizes", "0"), "expected numbers from 1"),
        (("runs/x", "--batch-sizes", "1,²"), "expected numbers from 1"),
        (("runs/x", "--threads", "9" * 5000), "expected numbers from 1"),
        (
            ("--original", "a.onnx", "--candidate", "b.onnx", "--dataset", "c", "--image-size", "5"),
            "expected --image-size from 16 to 1024 pixels, got 5",
        ),
    ],
)
def test_wrong_usage(arguments, said):
    done = compress("verify", *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def wrong_files(folder):
    """Name -> a file that is no classifier, and what is said of it."""
    good = mean_colour_classifier(folder / "good.onnx").read_bytes()
    (folder / "truncated.onnx").write_bytes(good[: len(good) // 2])
    (folder / "text.onnx").write_text("not a network")
    mean_colour_classifier(folder / "huge batch.onnx", batch=10**9)
    model = onnx.load_from_string(good)
    model.graph.input.append(helper.make_tensor_value_info("x2", TensorProto.FLOAT, [1]))
    (folder / "two inputs.onnx").write_bytes(model.SerializeToString())
    model = onnx.load_from_string(good)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["batch"]))
    (folder / "no classifier.onnx").write_bytes(model.SerializeToString())
    model = onnx.load_from_string(good)
    tensor = model.graph.initializer[3]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../outside.bin")
    (folder / "outside.onnx").write_bytes(model.SerializeToString())
    (folder.parent / "outside.bin").write_bytes(bytes(36))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("truncated.onnx", "truncated.onnx"),
        ("text.onnx", "text.onnx"),
        ("huge batch.onnx", "expected at most 33,554,432 pixels in a call"),
        ("two inputs.onnx", "input"),
        ("no classifier.onnx", "no classifier.onnx"),
        ("outside.onnx", "outside"),
        ("missing.onnx", "missing.onnx"),
    ],
)
def test_wrong_files_are_bad_input(name, said, images, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    wrong_files(folder)
    done = compress(
        "verify", "--original", folder / "good.onnx", "--candidate", folder / name, "--dataset", images, *QUICK
    )
    assert done.returncode == 4, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
