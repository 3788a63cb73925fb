from collections import Counter

import torch

from compress.kit.samples import choose_balanced


def counted(labels: torch.Tensor, count: int) -> Counter:
    return Counter(labels[choose_balanced(labels, count=count)].tolist())


def test_classes_are_as_equal_as_they_can_be():
    labels = torch.tensor([0] * 100 + [1] * 30 + [2] * 5)
    assert counted(labels, 12) == {0: 4, 1: 4, 2: 4}
    assert counted(labels, 25) == {0: 10, 1: 10, 2: 5}


def test_with_more_classes_than_images_every_image_is_of_another_class():
    labels = torch.arange(300) % 100
    chosen = choose_balanced(labels, count=64)
    assert len(set(labels[chosen].tolist())) == 64
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert labels[chosen].max() > 90  # not the first classes


def test_all_images_where_there_are_fewer_and_the_same_ones_every_time():
    labels = torch.tensor([2, 0, 1])
    assert choose_balanced(labels, count=64).tolist() == [0, 1, 2]
    many = torch.arange(1000) % 7
    assert torch.equal(choose_balanced(many, count=64), choose_balanced(many, count=64))
