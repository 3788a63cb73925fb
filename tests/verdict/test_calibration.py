import numpy as np
import pytest

from compress.verdict.accuracy import measure_accuracy
from compress.verdict.calibration import calibration_error


def by_the_book(confidences, correct, bins: int = 15) -> float:
    """Guo et al. 2017, equation 3, bin by bin."""
    error = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        chosen = [index for index, value in enumerate(confidences) if low < value <= high]
        if chosen:
            says = sum(confidences[index] for index in chosen) / len(chosen)
            does = sum(bool(correct[index]) for index in chosen) / len(chosen)
            error += len(chosen) / len(confidences) * abs(does - says)
    return error


def test_by_hand():
    """Bins 14 (0.8667 to 0.9333) and 9 (0.5333 to 0.6): half of the images 0.4 off, half 0.05."""
    confidences, correct = np.array([0.9, 0.9, 0.55, 0.55]), np.array([True, False, True, False])
    assert calibration_error(confidences, correct) == pytest.approx(0.5 * 0.4 + 0.5 * 0.05)


def test_over_and_under_confidence_do_not_cancel_between_bins():
    assert calibration_error(np.array([0.9, 0.5]), np.array([False, True])) == pytest.approx((0.9 + 0.5) / 2)


def test_within_a_bin_they_do():
    assert calibration_error(np.full(4, 0.75), np.array([True, True, True, False])) == 0


def test_against_the_formula_on_random_answers():
    random = np.random.default_rng(0)
    confidences, correct = random.random(500), random.random(500) < 0.6
    assert calibration_error(confidences, correct) == pytest.approx(by_the_book(confidences, correct), rel=1e-12)


def test_an_honest_network_has_almost_none():
    random = np.random.default_rng(0)
    confidences = random.uniform(0.5, 1, 4000)
    assert calibration_error(confidences, random.random(4000) < confidences) < 0.03


@pytest.mark.parametrize(("confidence", "correct", "error"), [(1.0, True, 0), (1.0, False, 1), (0.0, False, 0)])
def test_the_ends_have_a_bin(confidence, correct, error):
    assert calibration_error(np.array([confidence]), np.array([correct])) == error


@pytest.mark.parametrize("confidences", [[], [0.5, 0.5], [1.1], [-0.1], [np.nan]])
def test_what_is_no_calibration(confidences):
    with pytest.raises(ValueError, match="expected"):
        calibration_error(np.array(confidences), np.array([True]))


def test_the_accuracy_report_has_that_of_the_softmax():
    random = np.random.default_rng(1)
    logits, labels = random.standard_normal((300, 7)).astype(np.float32) * 3, random.integers(7, size=300)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = by_the_book(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)
    assert measure_accuracy(logits, labels).calibration_error == pytest.approx(expected, rel=1e-5)


def test_a_sure_and_wrong_network_has_a_calibration_error_of_1():
    assert measure_accuracy(np.array([[1e30, -1e30]]), np.array([1])).calibration_error == 1
