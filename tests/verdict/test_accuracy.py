"""Accuracy, calibration and the drop of accuracy: by hand, and against torch and the formula."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from compress.errors import CheckFailedError
from compress.statistics import wilson
from compress.verdict.accuracy import calibration_error, measure_accuracy, measure_drop


def random_case(images: int = 200, classes: int = 10) -> tuple[np.ndarray, torch.Tensor]:
    random = np.random.default_rng(0)
    logits = random.standard_normal((images, classes)).astype(np.float32) * 5
    return logits, torch.from_numpy(random.integers(classes, size=images))


def by_the_formula(confidences: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Guo et al. 2017, equation 3, bin by bin."""
    edges = np.linspace(0, 1, bins + 1)
    chosen = [(confidences > low) & (confidences <= high) for low, high in pairwise(edges)]
    gaps = [some.mean() * abs(correct[some].mean() - confidences[some].mean()) for some in chosen if some.any()]
    return sum(gaps)


def test_against_torch_and_the_formula():
    logits, labels = random_case()
    report = measure_accuracy(logits, labels)
    ranked = torch.from_numpy(logits).topk(5).indices == labels[:, None]
    assert [rate.hits for rate in (report.top1, report.top3, report.top5)] == [
        int(ranked[:, :k].any(1).sum()) for k in (1, 3, 5)
    ]
    assert report.top1.value == report.top1.hits / 200
    assert (report.top1.low, report.top1.high) == wilson(report.top1.hits, 200)
    exact = torch.from_numpy(logits).double()
    assert report.loss == pytest.approx(float(torch.nn.functional.cross_entropy(exact, labels)), rel=1e-12)
    confidences, answers = exact.softmax(1).max(1)
    expected = by_the_formula(confidences.numpy(), (answers == labels).numpy())
    assert report.calibration_error == pytest.approx(expected, rel=1e-5)
    assert report.images == report.top1.images == 200


@pytest.mark.parametrize(
    ("classes", "top3", "top5"), [(2, False, False), (3, False, False), (4, True, False), (6, True, True)]
)
def test_no_top_k_that_is_always_right(classes, top3, top5):
    report = measure_accuracy(*random_case(classes=classes))
    assert (report.top3 is not None, report.top5 is not None) == (top3, top5)


def test_logits_that_are_all_equal_or_huge():
    report = measure_accuracy(np.zeros((10, 10)), np.arange(10))
    assert (report.top1.hits, report.top3.hits, report.top5.hits) == (1, 3, 5)
    assert report.loss == pytest.approx(np.log(10))
    report = measure_accuracy(np.array([[1e30, -1e30]]), np.array([1]))
    assert report.loss == pytest.approx(2e30)
    assert report.calibration_error == 1  # sure, and wrong


def test_a_drop_by_hand_and_as_the_difference_of_accuracies():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    original = np.eye(2)[[0, 0, 0, 0, 1, 1, 0, 0]]  # 6 right
    candidate = np.eye(2)[[0, 0, 1, 1, 1, 0, 1, 0]]  # 4 right, 1 of them alone
    drop = measure_drop(original, candidate, torch.from_numpy(labels))
    assert (drop.points, drop.only_original_right, drop.only_candidate_right, drop.images) == (25.0, 3, 1, 8)
    assert -100 < drop.low < 0
    assert 25 < drop.high < 100

    (original, labels), random = random_case(), np.random.default_rng(1)
    candidate = original + random.standard_normal(original.shape)
    drop = measure_drop(original, candidate, labels)
    rates = [measure_accuracy(logits, labels).top1.value for logits in (original, candidate)]
    assert drop.points == pytest.approx(100 * (rates[0] - rates[1]))
    same = measure_drop(original, original, labels)
    assert same.points == same.only_original_right == same.only_candidate_right == 0
    assert same.low == pytest.approx(-same.high)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "at least one image"),
        (np.zeros((2, 3)), np.zeros(3, int), r"got \(2, 3\) and \(3,\)"),
        (np.array([[0.0, np.nan]]), np.array([0]), "finite"),
        (np.zeros((1, 3)), np.array([3]), r"expected labels 0\.\.2, got 3\.\.3"),
        (np.zeros((1, 3)), np.array([-1]), r"expected labels 0\.\.2"),
    ],
)
def test_what_cannot_be_measured_is_an_error(logits, labels, message):
    with pytest.raises(CheckFailedError, match=message):
        measure_accuracy(logits, labels)


@pytest.mark.parametrize(
    ("confidences", "correct", "error"),
    [
        # Bins 14 (0.8667 to 0.9333) and 9 (0.5333 to 0.6): half of the images 0.4 off, half 0.05.
        ([0.9, 0.9, 0.55, 0.55], [True, False, True, False], 0.5 * 0.4 + 0.5 * 0.05),
        ([0.9, 0.5], [False, True], (0.9 + 0.5) / 2),  # errors of two bins do not cancel
        ([0.75] * 4, [True, True, True, False], 0),  # errors within a bin do
        ([1.0], [True], 0),
        ([1.0], [False], 1),
        ([0.0], [False], 0),
    ],
)
def test_calibration_by_hand(confidences, correct, error):
    assert calibration_error(np.array(confidences), np.array(correct)) == pytest.approx(error)


def test_calibration_of_honest_answers():
    random = np.random.default_rng(0)
    honest = random.uniform(0.5, 1, 4000)
    assert calibration_error(honest, random.random(4000) < honest) < 0.03


@pytest.mark.parametrize("confidences", [[], [0.5, 0.5], [1.1], [-0.1], [np.nan]])
def test_what_is_no_calibration(confidences):
    with pytest.raises(ValueError, match="expected"):
        calibration_error(np.array(confidences), np.array([True]))
