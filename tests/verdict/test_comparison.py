from collections import Counter

import numpy as np
import pytest
import torch

from compress.errors import CheckFailedError
from compress.report.results import ConfusionChange
from compress.statistics import PairedCounts, paired_drop, wilson
from compress.verdict.accuracy import measure_drop
from compress.verdict.comparison import MOST_CONFUSIONS, compare_answers


def logits(answers: list[int], classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[answers]


TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
ORIGINAL = logits([0, 0, 0, 1, 1, 1, 1, 0, 0, 2], 3)
CANDIDATE = logits([0, 2, 2, 1, 1, 1, 1, 1, 0, 2], 3)


def test_by_hand():
    found = compare_answers(ORIGINAL, CANDIDATE, torch.from_numpy(TRUTH))
    assert (found.agreement.hits, found.agreement.images) == (7, 10)
    assert (found.agreement.low, found.agreement.high) == wilson(7, 10)
    assert found.mcnemar_p == 1.0  # 2 against 1 of 3: nothing
    rows = [(row.label, row.images, row.original_hits, row.candidate_hits, row.points) for row in found.classes]
    assert rows == [(0, 4, 3, 1, 50.0), (2, 2, 1, 1, 0.0), (1, 4, 3, 4, -25.0)]
    assert found.confusions == (
        ConfusionChange(truth=0, answer=2, original=0, candidate=2),
        ConfusionChange(truth=1, answer=0, original=1, candidate=0),
    )


def test_a_class_has_its_own_paired_interval():
    row = compare_answers(ORIGINAL, CANDIDATE, TRUTH).classes[0]
    interval = paired_drop(PairedCounts(both=1, only_a=2, only_b=0, neither=1))
    assert (row.low, row.high) == (100 * interval.low, 100 * interval.high)


def test_against_counting_by_hand_on_random_answers():
    random = np.random.default_rng(0)
    truth = random.integers(12, size=900)
    answers = [np.where(random.random(900) < 0.7, truth, random.integers(12, size=900)) for _ in range(2)]
    found = compare_answers(*(logits(list(each), 12) for each in answers), truth)
    before, after = (Counter(zip(truth, each, strict=True)) for each in answers)
    changes = {
        pair: after[pair] - before[pair]
        for pair in before | after
        if pair[0] != pair[1] and after[pair] != before[pair]
    }
    assert len(changes) > MOST_CONFUSIONS == len(found.confusions)
    for row in found.confusions:
        pair = row.truth, row.answer
        assert (row.original, row.candidate) == (before[pair], after[pair])
    largest = sorted((abs(change) for change in changes.values()), reverse=True)[:MOST_CONFUSIONS]
    assert [abs(row.candidate - row.original) for row in found.confusions] == largest
    assert found.agreement.hits == (answers[0] == answers[1]).sum()
    drops = [row.points for row in found.classes]
    assert drops == sorted(drops, reverse=True)
    lost = sum(row.original_hits - row.candidate_hits for row in found.classes)
    drop = measure_drop(*(logits(list(each), 12) for each in answers), truth)
    assert lost == drop.only_original_right - drop.only_candidate_right


def test_the_same_answers_change_nothing():
    found = compare_answers(ORIGINAL, ORIGINAL * 2, TRUTH)
    assert (found.agreement.value, found.mcnemar_p, found.confusions) == (1.0, 1.0, ())
    assert all(row.points == 0 for row in found.classes)


def test_two_perfect_networks_have_no_confusions():
    assert compare_answers(logits(list(TRUTH), 3), logits(list(TRUTH), 3), TRUTH).confusions == ()


def test_agreement_counts_shared_mistakes_and_not_different_ones():
    truth = np.array([0, 0, 0])
    found = compare_answers(logits([1, 1, 2], 3), logits([1, 2, 0], 3), truth)
    assert found.agreement.hits == 1
    assert found.classes[0].original_hits == 0


def test_a_class_without_images_has_no_row():
    found = compare_answers(logits([0, 4], 5), logits([0, 0], 5), np.array([0, 4]))
    assert [row.label for row in found.classes] == [4, 0]


def test_equal_drops_are_in_the_order_of_the_classes():
    found = compare_answers(logits([1, 2, 0], 3), logits([1, 2, 0], 3), np.array([2, 1, 0]))
    assert [row.label for row in found.classes] == [0, 1, 2]


@pytest.mark.parametrize(
    ("original", "candidate", "message"),
    [
        (np.zeros((10, 3)), np.zeros((9, 3)), "same images and classes"),
        (np.zeros((10, 2)), np.zeros((10, 2)), r"expected labels 0\.\.1"),
        (np.full((10, 3), np.nan), np.zeros((10, 3)), "finite"),
        (np.zeros((10, 3)), np.full((10, 3), np.inf), "finite"),
    ],
)
def test_strangers_are_refused(original, candidate, message):
    with pytest.raises(CheckFailedError, match=message):
        compare_answers(original, candidate, TRUTH)
