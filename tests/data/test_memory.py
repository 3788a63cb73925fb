import numpy as np
import pytest
import torch
from PIL import Image

from compress.data.bundle import Order, Preprocessing
from compress.data.memory import MemorySplit, flip_and_shift, resize_images
from compress.data.order import plan_batches
from compress.errors import EnvironmentProblem


def make_split(*, count: int = 23, size: int = 8, channels: int = 1, shift: int = 2) -> MemorySplit:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(1, 256, (count, size, size, channels), dtype=torch.uint8, generator=generator)
    preprocessing = Preprocessing(size, channels, mean=(0.25,) * channels, std=(0.5,) * channels, resize="")
    return MemorySplit(images, torch.arange(count) % 5, preprocessing, shift)


@pytest.mark.parametrize("channels", [1, 3])
def test_batches_in_file_order_are_normalised_and_not_augmented(channels):
    split = make_split(channels=channels)
    batches = list(split.batches(10))
    assert [len(labels) for _, labels in batches] == [10, 10, 3]
    images = torch.cat([images for images, _ in batches])
    assert images.dtype == torch.float32
    assert images.shape == (23, channels, 8, 8)
    assert torch.equal(torch.cat([labels for _, labels in batches]), split.labels)
    expected = (split.images.permute(0, 3, 1, 2).double() / 255 - 0.25) / 0.5
    torch.testing.assert_close(images.double(), expected, atol=1e-6, rtol=0)
    assert all(images.is_contiguous(memory_format=torch.channels_last) for images, _ in batches)


def test_an_order_shuffles_images_and_labels_together():
    split = make_split(shift=0)
    order = Order(seed=3, epoch=1)
    plan = np.concatenate(plan_batches(order, size=23, batch_size=5))
    plain = torch.cat([images for images, _ in split.batches(23)])
    batches = list(split.batches(5, order=order))
    assert torch.equal(torch.cat([labels for _, labels in batches]), split.labels[plan])
    for image, index in zip(torch.cat([images for images, _ in batches]), plan, strict=True):
        assert torch.equal(image, plain[index]) or torch.equal(image, plain[index].flip(-1))


def test_skipping_batches_leaves_the_others_as_they_were():
    split = make_split()
    order = Order(seed=0, epoch=4)
    whole = list(split.batches(4, order=order))
    assert len(whole) == split.steps(4) == 6
    for first in range(7):
        rest = list(split.batches(4, order=order, first=first))
        assert len(rest) == 6 - first
        for (images, labels), (expected_images, expected_labels) in zip(rest, whole[first:], strict=True):
            assert torch.equal(images, expected_images)
            assert torch.equal(labels, expected_labels)


def test_a_last_batch_of_one_image_is_dropped_only_in_training():
    split = make_split(count=21)
    assert len(list(split.batches(10, order=Order(0, 0)))) == split.steps(10) == 2
    assert len(list(split.batches(10))) == 3


def test_augmentation_of_an_image_does_not_depend_on_its_batch():
    split = make_split()
    indices = np.array([9, 4, 17])
    order = Order(1, 2)
    together = flip_and_shift(split.images[indices], indices=indices, order=order, shift=2)
    for place, index in enumerate(indices):
        alone = flip_and_shift(split.images[[index]], indices=np.array([index]), order=order, shift=2)
        assert torch.equal(alone[0], together[place])


def test_augmentation_mirrors_half_and_shifts_up_to_its_limit():
    image = torch.zeros(9, 9, 1, dtype=torch.uint8)
    image[4, 4] = 255  # the centre: its place after a shift is the shift, mirrored or not
    image[4, 5] = 100  # on its right, or on its left when mirrored
    count = 2000
    out = flip_and_shift(image.expand(count, 9, 9, 1), indices=np.arange(count), order=Order(0, 0), shift=2)[..., 0]
    assert (out == 255).sum() == count
    centres = (out == 255).nonzero()[:, 1:] - 4
    assert sorted({tuple(shift) for shift in centres.tolist()}) == [(y, x) for y in range(-2, 3) for x in range(-2, 3)]
    mirrored = (out == 100).nonzero()[:, 2] - 4 < centres[:, 1]
    assert 900 < mirrored.sum() < 1100


def test_augmentation_fills_the_edge_with_zeros_and_wraps_nothing():
    images = torch.full((200, 6, 6, 1), 7, dtype=torch.uint8)
    out = flip_and_shift(images, indices=np.arange(200), order=Order(0, 0), shift=2)
    assert set(out.unique().tolist()) == {0, 7}
    assert out.shape == images.shape
    moved = {int((one != 0).sum()) for one in out}
    assert moved == {(6 - y) * (6 - x) for y in range(3) for x in range(3)}


@pytest.mark.parametrize("size", [12, 28, 48])
def test_resizing_agrees_with_pillow_within_a_grey_level(size):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    resized = resize_images(images, size=size)
    assert resized.dtype == torch.uint8
    assert resized.shape == (3, size, size, 1)
    for image, got in zip(images, resized, strict=True):
        wanted = Image.fromarray(image[..., 0]).resize((size, size), Image.Resampling.BILINEAR)
        difference = np.asarray(wanted).astype(int) - got[..., 0].numpy().astype(int)
        assert abs(difference).max() <= 1


def test_images_that_cannot_fit_into_memory_are_refused_before_the_machine_runs_out():
    many = np.broadcast_to(np.zeros((1, 28, 28, 1), np.uint8), (10**9, 28, 28, 1))  # a view: 784 bytes
    with pytest.raises(EnvironmentProblem, match="try a smaller --image-size") as error:
        resize_images(many, size=1024)
    assert error.value.exit_code == 5


def test_images_of_the_right_size_are_not_touched():
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 1)
    assert (resize_images(images, size=4).numpy() == images).all()


def test_a_subset_is_a_split_of_its_own_in_the_order_of_its_indices():
    split = make_split()
    part = split.subset(torch.tensor([20, 3, 4]))
    ((images, labels),) = part.batches(5)
    whole = torch.cat([images for images, _ in split.batches(23)])
    assert len(part) == 3
    assert torch.equal(labels, split.labels[[20, 3, 4]])
    assert torch.equal(images, whole[[20, 3, 4]])
    assert len(split) == 23
