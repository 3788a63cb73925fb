import numpy as np

from compress.verdict.never_answered import ENOUGH, never_answered


def logits(answers: list[int], classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[answers]


def test_a_class_with_many_images_and_no_answer_is_named():
    labels = np.repeat([0, 1, 2], [ENOUGH, ENOUGH, ENOUGH - 1])
    only_cats = logits([0] * len(labels), 3)
    right = logits(labels.tolist(), 3)
    notes = never_answered({"original": right, "pruned": only_cats}, labels, ("cat", "dog", "rare"))
    assert notes == ("pruned never answers dog, whatever the image",)


def test_many_classes_are_counted_not_listed():
    labels = np.repeat(np.arange(9), ENOUGH)
    notes = never_answered({"pruned": logits([0] * len(labels), 9)}, labels, [f"c{k}" for k in range(9)])
    assert notes == ("pruned never answers c1, c2, c3, c4, c5 and 3 more, whatever the image",)
