"""What a file in INT8 loses, by hand; and that the stopwatch compares what it says."""

import math

import numpy as np
import onnx
import pytest

from exporters.int8.sensitivity import Judge, Stopwatch, loss_of
from exporters.measure.layer_times import TimingLimits
from tests.exporters.networks import random_images
from tests.exporters.onnx_files import parse
from tests.exporters.variants import answers, write_fp32


def test_points_and_divergence_of_two_answers_by_hand():
    # Probabilities 1/2, 1/2 become 3/4, 1/4: 1/2 ln(2/3) + 1/2 ln 2 = 1/2 ln(4/3). The second image stays.
    before = np.log([[0.5, 0.5], [0.2, 0.8]])
    after = np.log([[0.75, 0.25], [0.2, 0.8]]) + 3  # a constant in logits changes nothing
    loss = loss_of(before, after, np.array([0, 1]))
    assert loss.points == 0  # argmax takes the first of equals
    assert loss.divergence == pytest.approx(0.25 * math.log(4 / 3))
    assert loss_of(before, after[::-1], np.array([0, 1])).points == 100
    assert loss_of(after, before, np.array([1, 1])).points == 0
    assert loss_of(after[::-1], after, np.array([0, 1])).points == -100


def test_answers_that_are_no_numbers_are_wrong_and_the_worst():
    before = np.log([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1], [0.9, 0.1]])
    after = np.array([[np.nan, np.nan], [-np.inf, np.inf], [1e300, -1e300], before[3]])
    loss = loss_of(before, after, np.array([0, 1, 0, 0]))  # argmax alone calls the first two right
    assert loss.points == 50
    assert loss.divergence == 3e9 / 4
    assert loss_of(before, before, np.array([0, 1, 0, 0])).divergence == 0


def test_the_judge_compares_with_the_file_that_it_took(tmp_path):
    source = write_fp32(tmp_path / "net.onnx")
    images = random_images(12).numpy()
    labels = answers(source, images).argmax(1)
    judge = Judge(np.split(images, 3), labels, threads=1)
    model = onnx.load(source)
    judge.take(model)
    assert judge.images == 12
    assert (judge.loss(model).points, judge.loss(model).divergence) == (0, 0)
    other = onnx.load(write_fp32(tmp_path / "other.onnx", "pooled"))
    expected = 100 * (1 - (answers(tmp_path / "other.onnx", images).argmax(1) == labels).mean())
    assert judge.loss(other).points == pytest.approx(expected)
    assert judge.loss(other).divergence > 0


def test_shares_of_more_graphs_than_are_held_at_once_come_in_order(tmp_path):
    small, large = (onnx.load(write_fp32(tmp_path / "net.onnx", name)) for name in ("plain", "plain, 64 wide"))
    stopwatch = Stopwatch(TimingLimits(seconds=0.01))
    order = [small, large] * 4
    shares = stopwatch.times(small, iter(order))
    assert len(shares) == 8
    assert min(shares[1::2]) > 2 * max(shares[::2])  # 12 times the work


def test_an_emulated_judge_answers_as_the_numbers_in_the_file_say():
    """8-bit products are summed in pairs of 16 bits on x86 processors without VNNI: 2 x 255 x 127 is too much there."""
    graph = parse(
        """(float[batch, 4, 1, 1] images) => (float[batch, 2] scores) {
        rounded = QuantizeLinear(images, one, zero)
        read = DequantizeLinear(rounded, one, zero)
        weights = DequantizeLinear(stored, one, null)
        product = Conv(read, weights)
        coarse = QuantizeLinear(product, step, middle)
        sums = DequantizeLinear(coarse, step, middle)
        scores = Flatten(sums) }""",
        {
            "one": np.float32(1), "zero": np.uint8(0), "null": np.int8(0), "step": np.float32(1024),
            "middle": np.uint8(0), "stored": np.full((2, 4, 1, 1), 127, np.int8),
        },
    )  # fmt: skip
    images = np.full((1, 4, 1, 1), 255, np.float32)
    judge = Judge([images], np.array([0]), threads=1, emulated=True)
    scores = judge.answers(graph)
    assert scores.tolist() == [[127 * 1024] * 2]  # 4 x 255 x 127 = 129,540 = 126.5 steps
