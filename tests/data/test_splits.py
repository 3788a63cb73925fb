import numpy as np
import pytest
import torch
from PIL import Image

from compress.data import splits
from compress.data.augment import PLAIN, Recipe
from compress.data.bundle import Order
from compress.data.order import plan_batches
from compress.data.preprocessing import Preprocessing
from compress.data.splits import MemorySplit, prepare_images, resize_images
from compress.errors import EnvironmentProblem
from tests.data.files import assert_equal

BUSY = Recipe(flip=True, shift=1 / 4, rotation=20, cutout=1 / 4)


def make_split(*, count: int = 23, size: int = 8, channels: int = 1, recipe: Recipe = BUSY) -> MemorySplit:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(1, 256, (count, size, size, channels), dtype=torch.uint8, generator=generator)
    preprocessing = Preprocessing(size, channels, mean=(0.25,) * channels, std=(0.5,) * channels)
    return MemorySplit(images, torch.arange(count) % 5, preprocessing, recipe)


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


@pytest.mark.parametrize("recipe", [PLAIN, Recipe(flip=True)])
def test_an_order_shuffles_images_and_labels_together_and_the_recipe_alone_changes_them(recipe):
    split = make_split(recipe=recipe)
    order = Order(seed=3, epoch=1)
    plan = np.concatenate(plan_batches(order, size=23, batch_size=5))
    plain = torch.cat([images for images, _ in split.batches(23)])
    batches = list(split.batches(5, order=order))
    assert torch.equal(torch.cat([labels for _, labels in batches]), split.labels[plan])
    for image, index in zip(torch.cat([images for images, _ in batches]), plan, strict=True):
        assert torch.equal(image, plain[index]) or (recipe.flip and torch.equal(image, plain[index].flip(-1)))


def test_skipping_batches_leaves_the_others_as_they_were_and_training_drops_a_last_batch_of_one_image():
    split, order = make_split(count=21), Order(seed=0, epoch=4)
    whole = list(split.batches(4, order=order))
    assert len(whole) == split.steps(4) == 5
    assert len(list(split.batches(4))) == 6
    for first in range(6):
        assert_equal(list(split.batches(4, order=order, first=first)), whole[first:])


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


def test_a_subset_is_a_split_of_its_own_in_the_order_of_its_indices():
    split = make_split()
    part = split.subset(torch.tensor([20, 3, 4]))
    ((images, labels),) = part.batches(5)
    whole = torch.cat([images for images, _ in split.batches(23)])
    assert len(part) == 3
    assert torch.equal(labels, split.labels[[20, 3, 4]])
    assert torch.equal(images, whole[[20, 3, 4]])
    assert len(split) == 23


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [5, 13, 32])
def test_batches_resized_when_read_are_those_resized_at_once_bit_for_bit(monkeypatch, channels, size):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 9, 9, channels), dtype=np.uint8)
    shown = Preprocessing(size, channels, (0.4,) * channels, (0.3,) * channels, splits.WHOLE)
    at_once = prepare_images(pixels, size=size)
    monkeypatch.setattr(splits, "RESIZED_AT_ONCE", at_once.nbytes - 1)
    lazily = prepare_images(pixels, size=size)
    assert at_once.shape == (40, size, size, channels)
    assert lazily.shape == pixels.shape
    eager, lazy = (MemorySplit(images, torch.arange(40), shown, BUSY) for images in (at_once, lazily))
    for order in (None, Order(0, 3)):
        for batch_size in (1, 7, 40):
            assert_equal(*(list(split.batches(batch_size, order=order)) for split in (eager, lazy)))
    assert_equal(*(list(split.subset(torch.tensor([3, 30])).batches(2)) for split in (eager, lazy)))


def test_cifar_at_224_pixels_is_not_held_resized():
    many = np.broadcast_to(np.zeros((1, 32, 32, 3), np.uint8), (50_000, 32, 32, 3))
    assert prepare_images(many[:20], size=224).shape == (20, 224, 224, 3)
    assert prepare_images(many, size=224).shape == (50_000, 32, 32, 3)
