"""A file that is no better than chance is named, with the file it was made from beside it."""

import numpy as np
import pytest
import torch

from compress.data.preprocessing import Preprocessing
from compress.data.splits import MemorySplit
from compress.verdict.accuracy import rate_of
from compress.verdict.chance import chance_note, int8_notes
from tests.exporters.onnx_files import parse, save
from tests.helpers.runs import record

HALVES = np.repeat([0, 1], 50)


@pytest.mark.parametrize(
    ("hits", "source_hits", "labels", "named"),
    [
        (50, 95, HALVES, True),
        (20, 95, HALVES, True),
        (58, 95, HALVES, True),  # 48 % to 67 %
        (70, 95, HALVES, False),
        (50, 55, HALVES, False),  # nor is its source any better
        (80, 99, np.repeat([0, 1], [80, 20]), True),  # always the frequent class
        (30, 95, np.arange(100) % 10, False),
    ],
)
def test_what_is_no_better_than_chance(hits, source_hits, labels, named):
    notes = chance_note("int8", rate_of(hits, 100), "fp32", rate_of(source_hits, 100), labels)
    assert bool(notes) is named
    if named:
        share = np.bincount(labels).max()
        assert notes == (
            f"int8 is no better than chance: Top-1 {hits}.0% on 100 images, always the same answer gives {share}.0%, "
            f"fp32 {source_hits}.0%",
        )


@pytest.fixture
def bright_or_dark():
    """40 images, of 200 and 50 in turn."""
    images = torch.full((40, 16, 16, 1), 200, dtype=torch.uint8)
    images[1::2] = 50
    return MemorySplit(images, torch.arange(40) % 2, Preprocessing(16, 1, (0.5,), (0.25,)))


@pytest.mark.parametrize(
    ("signs", "note"),
    [
        ([2, -2], "net.int8.onnx: Top-1 100.0% on 40 test images, net.onnx 100.0%"),
        ([0, 0], "net.int8.onnx is no better than chance: Top-1 50.0% on 40 images, always the same answer gives "
         "50.0%, net.onnx 100.0%; try more --calibration-images, or --fp16"),
    ],
)  # fmt: skip
def test_new_int8_files_are_compared_with_their_source(signs, note, bright_or_dark, tmp_path):
    for name, factors in (("net.onnx", [1, -1]), ("net.int8.onnx", signs)):
        graph = """(float[n, 1, 16, 16] pixels) => (float[n, 2] scores) {
            means = GlobalAveragePool(pixels)
            flat = Flatten(means)
            scores = Mul(flat, signs) }"""
        save(parse(graph, {"signs": np.array(factors, np.float32)}), tmp_path / name)
    made = [record(file=str(tmp_path / name)) for name in ("net.int8.onnx", "net.int8.nhwc.onnx", "net.fp16.onnx")]
    assert int8_notes(made, bright_or_dark) == [note]
