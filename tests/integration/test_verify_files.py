"""``compress verify`` on any two files, made by hand, through the real command line."""

import shutil

import numpy as np
import onnx
import pytest

from compress.report.model import Report, parse_report
from tests.exporters.onnx_files import parse, save
from tests.helpers.command import Done, compress

ONE_IMAGE = ("--batch-sizes", "1")


def verify(original, candidate, images, *more) -> Done:
    """Verify two files, at one thread, on pixels from 0 to 1."""
    files = ("--original", original, "--candidate", candidate, "--dataset", images)
    return compress("verify", *files, "--mean", "0", "--std", "1", "--threads", "1", "--quiet", *more)


def verified(original, candidate, images, *more) -> Report:
    """The report of two files by hand, whose answers are all right: 20 grey levels of noise average out."""
    done = verify(original, candidate, images, *more, "--json")
    assert done.returncode == 0, done.stderr
    report = parse_report(done.stdout, source="stdout")
    assert [row.accuracy.top1.hits for row in report.networks] == [90, 90]
    return report


def mean_colour_classifier(path, *, layout="NCHW", batch="batch"):
    """For grey images of 0..1; logits rank as -(mean pixel - level of the class)^2 does."""
    levels = np.array([[0.84, 0.16, 0.5]], np.float32)  # bright, dark, middling: the folder's order
    shape = f"{batch}, 1, 24, 24" if layout == "NCHW" else f"{batch}, 24, 24, 1"
    graph = f"""(float[{shape}] x) => (float[{batch}, 3] y) {{
        mean = ReduceMean<axes = [1, 2, 3], keepdims = 0>(x)
        column = Unsqueeze(mean, one)
        y = Gemm(column, slopes, offsets) }}"""
    return save(parse(graph, {"one": np.array([1]), "slopes": 20 * levels, "offsets": -10 * levels[0] ** 2}), path)


def test_two_files_made_by_hand_and_test_images_alone(images, tmp_path):
    shutil.copytree(images / "test", tmp_path / "alone/test")
    original = mean_colour_classifier(tmp_path / "original.onnx")
    candidate = mean_colour_classifier(tmp_path / "candidate.onnx", layout="NHWC", batch=1)
    report = verified(original, candidate, tmp_path / "alone", *ONE_IMAGE, "--out", tmp_path / "out")
    assert report == parse_report((tmp_path / "out/report.json").read_text(), source="out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.json", "report.md", "report.html"}
    assert report.run is None
    assert report.candidate.comparison.agreement.value == 1.0
    assert (report.data.train, report.data.val, report.data.test) == (0, 0, 90)
    assert "no train/: only the test images are used" in report.notes


@pytest.mark.parametrize(("batches", "profiled"), [((8, 8), 8), (("n", 5), 5), ((4, 8), None)])
def test_files_of_a_fixed_batch(batches, profiled, images, tmp_path):
    original, candidate = (
        mean_colour_classifier(tmp_path / f"{name}.onnx", batch=batch)
        for name, batch in zip(("original", "candidate"), batches, strict=True)
    )
    report = verified(original, candidate, images)
    assert (None if report.operators is None else report.operators.batch_size) == profiled
    assert [row.comparison.batch_size for row in report.latency] == ([profiled] if profiled else [])
    assert ("fixed batches of 4 and 8: no times can be compared" in report.notes) == (profiled is None)
    wanted = [1 if batch == "n" else batch for batch in batches]
    assert [row.memory.batch_size for row in report.networks if row.memory] == wanted


def test_a_layout_that_only_the_user_knows(images, tmp_path):
    free = mean_colour_classifier(tmp_path / "free.onnx")
    proto = onnx.load(free)
    for axis, name in zip(proto.graph.input[0].type.tensor_type.shape.dim, "nchw", strict=True):
        axis.dim_param = name
    save(proto, free)
    refused = verify(free, free, images, *ONE_IMAGE)
    assert refused.returncode == 4
    assert "try --layout NCHW or --layout NHWC" in refused.stderr
    report = verified(free, free, images, *ONE_IMAGE, "--layout", "nchw")
    assert (len(report.latency), report.operators is None) == (1, False)
    assert {row.signature.layout for row in report.networks} == {"NCHW"}


def test_a_run_s_file_against_one_made_by_hand(finished, images, tmp_path):
    by_hand = mean_colour_classifier(tmp_path / "by hand.onnx")
    done = verify(finished / "artifacts/original.onnx", by_hand, images, *ONE_IMAGE, "--max-size-mb", 0.001)
    assert done.returncode == 0, done.stderr
    assert "by hand.onnx" in done.stdout


def test_a_file_that_is_no_network_is_bad_input(images, tmp_path):
    """More of them in ``tests/verdict/test_open_files.py``."""
    (tmp_path / "wrong.onnx").write_text("not a network")
    done = verify(mean_colour_classifier(tmp_path / "good.onnx"), tmp_path / "wrong.onnx", images, *ONE_IMAGE)
    assert done.returncode == 4, done.stderr
    assert "wrong.onnx" in done.stderr
    assert "Traceback" not in done.stderr
