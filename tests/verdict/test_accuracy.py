import numpy as np
import pytest
import torch

from compress.errors import CheckFailedError
from compress.statistics import wilson
from compress.verdict.accuracy import measure_accuracy, measure_drop


def random_case(images: int = 200, classes: int = 10) -> tuple[np.ndarray, torch.Tensor]:
    random = np.random.default_rng(0)
    logits = random.standard_normal((images, classes)).astype(np.float32) * 5
    return logits, torch.from_numpy(random.integers(classes, size=images))


def test_against_torch():
    logits, labels = random_case()
    report = measure_accuracy(logits, labels)
    ranked = torch.from_numpy(logits).topk(5).indices == labels[:, None]
    assert [rate.hits for rate in (report.top1, report.top3, report.top5)] == [
        int(ranked[:, :k].any(1).sum()) for k in (1, 3, 5)
    ]
    expected_loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits).double(), labels)
    assert report.loss == pytest.approx(float(expected_loss), rel=1e-12)
    assert report.images == report.top1.images == 200


def test_a_rate_has_its_wilson_interval():
    logits, labels = random_case()
    top1 = measure_accuracy(logits, labels).top1
    assert top1.value == top1.hits / 200
    assert (top1.low, top1.high) == wilson(top1.hits, 200)


@pytest.mark.parametrize(
    ("classes", "top3", "top5"), [(2, False, False), (3, False, False), (4, True, False), (6, True, True)]
)
def test_no_top_k_where_it_says_nothing(classes, top3, top5):
    report = measure_accuracy(*random_case(classes=classes))
    assert (report.top3 is not None, report.top5 is not None) == (top3, top5)


def test_a_constant_network_is_right_only_on_the_first_class():
    report = measure_accuracy(np.zeros((10, 10)), np.arange(10))
    assert (report.top1.hits, report.top3.hits, report.top5.hits) == (1, 3, 5)
    assert report.loss == pytest.approx(np.log(10))


def test_huge_logits_do_not_overflow():
    assert measure_accuracy(np.array([[1e30, -1e30]]), np.array([1])).loss == pytest.approx(2e30)


def test_a_drop_by_hand():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    original = np.eye(2)[[0, 0, 0, 0, 1, 1, 0, 0]]  # 6 right
    candidate = np.eye(2)[[0, 0, 1, 1, 1, 0, 1, 0]]  # 4 right, 1 of them alone
    drop = measure_drop(original, candidate, torch.from_numpy(labels))
    assert (drop.points, drop.only_original_right, drop.only_candidate_right, drop.images) == (25.0, 3, 1, 8)
    assert -100 < drop.low < 0
    assert 25 < drop.high < 100


def test_a_drop_is_the_difference_of_the_accuracies():
    (original, labels), random = random_case(), np.random.default_rng(1)
    candidate = original + random.standard_normal(original.shape)
    drop = measure_drop(original, candidate, labels)
    rates = [measure_accuracy(logits, labels).top1.value for logits in (original, candidate)]
    assert drop.points == pytest.approx(100 * (rates[0] - rates[1]))


def test_the_same_network_drops_nothing():
    logits, labels = random_case()
    drop = measure_drop(logits, logits, labels)
    assert drop.points == drop.only_original_right == drop.only_candidate_right == 0
    assert drop.low == pytest.approx(-drop.high)


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


def test_a_drop_between_strangers_is_an_error():
    with pytest.raises(CheckFailedError, match="same images"):
        measure_drop(np.zeros((4, 3)), np.zeros((5, 3)), np.zeros(4, int))
