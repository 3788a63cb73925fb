"""``compress verify`` on any two files, made by hand, through the real command line."""

import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compress.report.store import parse_report
from tests.helpers.command import compress

QUICK = ("--seconds", 0.05, "--batch-sizes", "1", "--threads", "1", "--quiet")


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
