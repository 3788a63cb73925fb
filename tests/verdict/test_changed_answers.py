"""Where two networks' answers differ, by hand and against counting; which changed images are shown."""

import base64
import io
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from compress.data.bundle import DataBundle
from compress.data.preprocessing import Preprocessing
from compress.data.splits import MemorySplit
from compress.errors import CheckFailedError
from compress.report.results import ConfusionChange
from compress.statistics import PairedCounts, paired_drop, wilson
from compress.verdict.accuracy import measure_drop
from compress.verdict.changed_answers import (
    LOST,
    MIN_IMAGES,
    MOST_CONFUSIONS,
    WON,
    changed_images,
    compare_answers,
    never_answered,
)


def logits(answers: list[int], classes: int = 3) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[answers]


TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
ORIGINAL = logits([0, 0, 0, 1, 1, 1, 1, 0, 0, 2])
CANDIDATE = logits([0, 2, 2, 1, 1, 1, 1, 1, 0, 2])


def test_by_hand():
    found = compare_answers(ORIGINAL, CANDIDATE, torch.from_numpy(TRUTH))
    assert (found.agreement.hits, found.agreement.images) == (7, 10)
    assert (found.agreement.low, found.agreement.high) == wilson(7, 10)
    assert found.mcnemar_p == 1.0  # 2 against 1 of 3: nothing
    rows = [(row.label, row.images, row.original_hits, row.candidate_hits, row.points) for row in found.classes]
    assert rows == [(0, 4, 3, 1, 50.0), (2, 2, 1, 1, 0.0), (1, 4, 3, 4, -25.0)]
    interval = paired_drop(PairedCounts(both=1, only_a=2, only_b=0, neither=1))
    assert (found.classes[0].low, found.classes[0].high) == (100 * interval.low, 100 * interval.high)
    assert found.confusions == (
        ConfusionChange(truth=0, answer=2, original=0, candidate=2),
        ConfusionChange(truth=1, answer=0, original=1, candidate=0),
    )


def test_against_counting_by_hand_on_random_answers():
    random = np.random.default_rng(0)
    truth = random.integers(12, size=900)
    answers = [np.where(random.random(900) < 0.7, truth, random.integers(12, size=900)) for _ in range(2)]
    both = [logits(list(each), 12) for each in answers]
    found = compare_answers(*both, truth)
    before, after = (Counter(zip(truth, each, strict=True)) for each in answers)
    changes = [abs(after[pair] - before[pair]) for pair in before | after if pair[0] != pair[1]]
    assert np.count_nonzero(changes) > MOST_CONFUSIONS == len(found.confusions)
    for row in found.confusions:
        assert (row.original, row.candidate) == (before[row.truth, row.answer], after[row.truth, row.answer])
    shown = [abs(row.candidate - row.original) for row in found.confusions]
    assert shown == sorted(changes, reverse=True)[:MOST_CONFUSIONS]
    assert found.agreement.hits == (answers[0] == answers[1]).sum()
    drops = [row.points for row in found.classes]
    assert drops == sorted(drops, reverse=True)
    drop = measure_drop(*both, truth)
    lost = sum(row.original_hits - row.candidate_hits for row in found.classes)
    assert lost == drop.only_original_right - drop.only_candidate_right


def test_the_same_answers_change_nothing_and_shared_mistakes_agree():
    found = compare_answers(ORIGINAL, ORIGINAL * 2, TRUTH)
    assert (found.agreement.value, found.mcnemar_p, found.confusions) == (1.0, 1.0, ())
    assert all(row.points == 0 for row in found.classes)
    assert compare_answers(logits(list(TRUTH)), logits(list(TRUTH)), TRUTH).confusions == ()

    found = compare_answers(logits([1, 1, 2]), logits([1, 2, 0]), np.array([0, 0, 0]))
    assert found.agreement.hits == 1
    assert found.classes[0].original_hits == 0


def test_a_class_without_images_has_no_row_and_equal_drops_are_in_the_order_of_the_classes():
    found = compare_answers(logits([0, 4, 2], 5), logits([0, 0, 2], 5), np.array([2, 4, 0]))
    assert [row.label for row in found.classes] == [4, 0, 2]


@pytest.mark.parametrize("compare", [compare_answers, measure_drop])
def test_logits_that_do_not_fit_are_refused(compare):
    fit, infinite = np.zeros((10, 3)), np.full((10, 3), np.inf)
    for both, message in (((fit, fit[:9]), "same images and classes"), ((fit, infinite), "finite")):
        with pytest.raises(CheckFailedError, match=message):
            compare(*both, TRUTH)


def bundle(pixels_NHWC: np.ndarray, labels: list[int]) -> DataBundle:
    channels = pixels_NHWC.shape[3]
    shown = Preprocessing(pixels_NHWC.shape[1], channels, mean=(0.3,) * channels, std=(0.2,) * channels)
    split = MemorySplit(torch.from_numpy(pixels_NHWC), torch.tensor(labels), preprocessing=shown)
    return DataBundle("by hand", ("a", "b"), split, split, split, shown, fingerprint="f", test_fingerprint="t")


@pytest.mark.parametrize("channels", [1, 3])
def test_lost_images_come_first_then_won_ones_each_as_it_was(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, channels), dtype=np.uint8)
    data = bundle(pixels, [0, 1, 0, 1])
    found = changed_images(data, logits([0, 1, 1, 1]), logits([0, 0, 0, 0]))
    assert [(image.index, image.truth, image.original, image.candidate) for image in found] == [
        (1, 1, 1, 0), (3, 1, 1, 0), (2, 0, 1, 0),
    ]  # fmt: skip
    for image in found:
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(image.png)))).reshape(8, 8, channels)
        assert (shown == pixels[image.index]).all()
    assert changed_images(data, logits([0, 0, 0, 0]), logits([0, 0, 0, 0])) == ()


def test_shown_images_are_few_evenly_spread_and_small():
    pixels = np.zeros((100, 128, 128, 1), np.uint8)
    found = changed_images(bundle(pixels, [0] * 100), logits([0] * 60 + [1] * 40), logits([1] * 60 + [0] * 40))
    places = [image.index for image in found]
    assert len(places) == LOST + WON
    assert (places[0], places[LOST - 1], places[LOST], places[-1]) == (0, 59, 60, 99)
    assert max(np.diff(places[:LOST])) <= 5
    assert Image.open(io.BytesIO(base64.b64decode(found[0].png))).size == (96, 96)


def test_classes_with_many_images_and_no_answer_are_named_or_counted():
    labels = np.repeat([0, 1, 2], [MIN_IMAGES, MIN_IMAGES, MIN_IMAGES - 1])
    answers = {"original": logits(labels.tolist()), "pruned": logits([0] * len(labels))}
    notes = never_answered(answers, labels, ("cat", "dog", "rare"))
    assert notes == ("pruned never answers dog, whatever the image",)
    labels = np.repeat(np.arange(9), MIN_IMAGES)
    notes = never_answered({"pruned": logits([0] * len(labels), 9)}, labels, [f"c{k}" for k in range(9)])
    assert notes == ("pruned never answers c1, c2, c3, c4, c5 and 3 more, whatever the image",)
