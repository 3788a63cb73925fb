"""Answers of a device against the expected ones, worked by hand."""

import numpy as np
import pytest

from exporters.device.answers import OtherAnswer, batches_of, compare_answers, rule_for
from exporters.errors import CallError

EXPECTED = np.array([[4.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 1.0, 3.0], [5.0, 0.0, 0.0]], np.float32)
LABELS = np.array([0, 1, 1, 0])


def changed(*places: tuple[int, int, float]) -> np.ndarray:
    found = EXPECTED.copy()
    for image, score, value in places:
        found[image, score] = value
    return found


def test_equal_scores_pass_and_are_right_where_they_were():
    answers = compare_answers(EXPECTED, EXPECTED, LABELS, rule="logits")
    assert answers.passed
    assert (answers.agreeing, answers.right, answers.expected_right, answers.differing) == (4, 3, 3, ())
    assert answers.tolerance == pytest.approx(1e-4)


def test_a_score_beyond_the_tolerance_fails_even_where_the_class_is_the_same():
    answers = compare_answers(changed((0, 0, 4.001)), EXPECTED, LABELS, rule="logits")
    assert (answers.agreeing, answers.passed) == (4, False)
    assert answers.max_abs_difference == pytest.approx(1e-3, rel=1e-3)


def test_the_tolerance_grows_with_large_logits():
    assert compare_answers(40 * EXPECTED, 40 * EXPECTED, LABELS, rule="logits").tolerance == pytest.approx(2e-3)


def test_another_class_is_named():
    answers = compare_answers(changed((2, 1, 9.0)), EXPECTED, LABELS, rule="logits")
    assert answers.differing == (OtherAnswer(image=2, truth=1, expected=2, found=1),)
    assert (answers.agreeing, answers.right, answers.passed) == (3, 4, False)


@pytest.mark.parametrize(("different", "passes"), [(0, True), (1, True), (2, False)])
def test_few_bits_pass_with_nine_of_ten_classes(different, passes):
    expected = np.tile([1.0, 0.0], (10, 1))
    found = expected.copy()
    found[:different] = [0.0, 1.0]
    answers = compare_answers(found, expected, np.zeros(10, int), rule="classes")
    assert (answers.tolerance, answers.agreeing, answers.passed) == (None, 10 - different, passes)


def test_classes_in_another_order_are_put_in_order_first():
    reversed_scores = EXPECTED[:, ::-1]
    answers = compare_answers(reversed_scores, reversed_scores, LABELS, rule="logits", class_order=(2, 1, 0))
    assert answers.right == 3


@pytest.mark.parametrize("bad", [EXPECTED[:2], changed((1, 1, np.nan)), changed((0, 2, np.inf))])
def test_other_shapes_and_nan_are_errors(bad):
    with pytest.raises(CallError, match=r"expected (finite )?scores"):
        compare_answers(bad, EXPECTED, LABELS, rule="classes")


def test_the_rule_is_that_of_the_precision_and_the_provider():
    assert rule_for("fp32", on_cpu=True) == "logits"
    assert {rule_for("fp32", on_cpu=False), rule_for("int8", on_cpu=True), rule_for("fp16", on_cpu=True)} == {"classes"}


def test_batches_are_all_images_in_order():
    images = np.arange(20.0).reshape(20, 1, 1, 1)
    parts = batches_of(images)
    assert [len(part) for part in parts] == [8, 8, 4]
    assert (np.concatenate(parts) == images).all()
