"""Arrays -> splits: what is held out, resized, repeated or turned grey, and what tells two sets apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from compress.data.arrays import ArraySet, ImageArrays, bundle_of_arrays, to_grey
from compress.data.augment import RECIPES, Recipe
from compress.data.bundle import Order
from compress.errors import BadInputError, UsageError
from compress.settings.config import DataConfig

GREY = ArraySet("grey", tuple("abcde"), (0.25,), (0.5,), image_size=12, recipes=RECIPES["kuzushiji"])
COLOUR = ArraySet("colour", tuple("abcde"), (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), image_size=8, recipes=RECIPES["cifar10"])

RESIZE = "bilinear with antialiasing to the size, aspect ratio not kept, rounded to 8 bits"


def arrays(*shape: int) -> ImageArrays:
    """100 + 20 images of 5 classes."""
    random = np.random.default_rng(0)
    train, test = (random.integers(0, 256, (count, *shape), dtype=np.uint8) for count in (100, 20))
    return ImageArrays(train, np.arange(100, dtype=np.uint8) % 5, test, np.arange(20, dtype=np.uint8) % 5)


def options(**changes) -> DataConfig:
    return DataConfig(**({"image_size": 16} | changes))


@pytest.fixture(scope="module")
def grey():
    return arrays(16, 16)


@pytest.fixture(scope="module")
def colour():
    return arrays(16, 16, 3)


def test_a_bundle_holds_out_a_tenth_of_every_class_and_resizes(grey):
    bundle = bundle_of_arrays(GREY, grey, options(image_size=32), notes=("a note",))
    assert (len(bundle.train), len(bundle.val), len(bundle.test)) == (90, 10, 20)
    assert bundle.val.labels.bincount().tolist() == [2] * 5
    assert bundle.test.labels.tolist() == grey.test_labels.tolist()
    images, labels = next(bundle.test.batches(8))
    assert images.shape == (8, 1, 32, 32)
    assert labels.dtype == torch.int64
    assert (bundle.preprocessing.image_size, bundle.preprocessing.channels) == (32, 1)
    assert bundle_of_arrays(GREY, grey, options(image_size=None)).preprocessing.image_size == 12  # the set's own
    assert (bundle.name, bundle.classes, bundle.notes) == ("grey", GREY.classes, ("a note",))
    assert bundle.preprocessing.resize == RESIZE


@pytest.mark.parametrize(("known", "shape"), [(GREY, (16, 16)), (COLOUR, (16, 16, 3))], ids=["grey", "colour"])
def test_images_of_the_published_size_come_out_as_published(known, shape):
    made = arrays(*shape)
    images, _ = next(bundle_of_arrays(known, made, options()).test.batches(20))
    channels = len(known.mean)
    mean, std = (torch.tensor(values).view(1, channels, 1, 1) for values in (known.mean, known.std))
    pixels = (images * std + mean) * 255
    wanted = torch.from_numpy(made.test_images.reshape(20, 16, 16, channels)).permute(0, 3, 1, 2).float()
    torch.testing.assert_close(pixels, wanted, atol=1e-3, rtol=0)


def test_papers_images_of_characters_are_only_divided_by_255(grey):
    bundle = bundle_of_arrays(GREY, grey, options(augment="paper"))
    assert (bundle.preprocessing.mean, bundle.preprocessing.std) == ((0.0,), (1.0,))
    images, _ = next(bundle.train.batches(90, order=Order(0, 0)))
    assert images.min() >= 0
    assert images.max() <= 1
    assert {round(value * 255, 3) % 1 for value in images.unique().tolist()} == {0.0}
    assert bundle.train.recipe == Recipe(unit_range=True)


def test_grey_is_repeated_for_a_network_of_three_channels(grey):
    one = bundle_of_arrays(GREY, grey, options())
    three = bundle_of_arrays(GREY, grey, options(channels=3))
    assert three.preprocessing.channels == 3
    assert three.preprocessing.mean == (0.25, 0.25, 0.25)
    assert three.preprocessing.resize == f"grey in three equal channels, {RESIZE}"
    for order in (None, Order(0, 1)):
        images, _ = next(three.train.batches(16, order=order))
        alone, _ = next(one.train.batches(16, order=order))
        assert torch.equal(images, alone.expand(-1, 3, -1, -1))
        assert images.is_contiguous(memory_format=torch.channels_last)
    assert three.fingerprint == one.fingerprint


def test_colour_for_a_network_of_one_channel_becomes_the_grey_that_pillow_makes(colour):
    wanted = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in colour.test_images])
    assert np.array_equal(to_grey(colour.test_images), wanted)
    bundle = bundle_of_arrays(COLOUR, colour, options(channels=1))
    images, _ = next(bundle.test.batches(20))
    assert images.shape == (20, 1, 16, 16)
    assert bundle.preprocessing.mean == (round(0.299 * 0.4 + 0.587 * 0.5 + 0.114 * 0.6, 4),)
    assert bundle.preprocessing.resize == f"8-bit grey (ITU-R BT.601), {RESIZE}"
    pixels = (images[:, 0] * bundle.preprocessing.std[0] + bundle.preprocessing.mean[0]) * 255
    assert (pixels - torch.from_numpy(wanted)).abs().max() < 1e-3


def test_fingerprints_depend_on_data_and_split_and_the_test_fingerprint_on_test_images_alone(grey):
    def fingerprints(made=grey, **changes):
        bundle = bundle_of_arrays(GREY, made, options(**changes))
        return bundle.fingerprint, bundle.test_fingerprint

    base, test = fingerprints()
    assert (len(base), fingerprints(image_size=24)) == (64, (base, test))
    for other, same in (fingerprints(seed=1), fingerprints(replace(grey, train_images=255 - grey.train_images))):
        assert (other != base, same == test) == (True, True)
    changed = grey.test_images.copy()
    changed[3, 5, 5] ^= 1
    for made in (replace(grey, test_images=changed), replace(grey, test_labels=grey.test_labels[::-1])):
        other, same = fingerprints(made)
        assert (other != base, same != test) == (True, True)


def test_a_class_without_images_is_named(grey):
    labels = grey.train_labels.copy()
    labels[labels == 3] = 2
    with pytest.raises(BadInputError, match=r"2 or more training images of every class of grey, .*fewer of d;"):
        bundle_of_arrays(GREY, replace(grey, train_labels=labels), options())
    few = replace(grey, test_images=grey.test_images[:3], test_labels=grey.test_labels[:3])
    with pytest.raises(BadInputError, match=r"expected 1 or more test images .*fewer of d, e;"):
        bundle_of_arrays(GREY, few, options())


@pytest.mark.parametrize("channels", [1, 3])
def test_stated_preprocessing_is_that_of_each_image_alone(channels):
    """Whether an image has the network's size already or not."""
    known, side = (GREY, 12) if channels == 1 else (COLOUR, 16)
    found = arrays(side, side) if channels == 1 else arrays(side, side, 3)
    config = options(resize=20, interpolation="bicubic", mean=(0.5,), std=(0.2,))
    bundle = bundle_of_arrays(known, found, config)
    images, _labels = next(bundle.test.batches(20))
    expected = [bundle.preprocessing(Image.fromarray(picture)) for picture in found.test_images]
    assert torch.equal(images, torch.stack(expected))
    assert bundle.preprocessing.mean == (0.5,) * channels


def test_three_means_make_grey_images_three_channels():
    bundle = bundle_of_arrays(GREY, arrays(12, 12), options(mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.2)))
    assert (bundle.preprocessing.channels, bundle.preprocessing.mean) == (3, (0.4, 0.5, 0.6))
    with pytest.raises(UsageError, match=r"--mean and --std: expected 1 values .* got 3: .*; try --channels 3"):
        bundle_of_arrays(GREY, arrays(12, 12), options(mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.2), channels=1))


def test_images_that_would_be_smaller_than_their_crop():
    with pytest.raises(UsageError, match="expected --resize of at least the 12 pixels that are cropped, got 10"):
        bundle_of_arrays(GREY, arrays(12, 12), DataConfig.model_construct(**DataConfig().model_dump() | {"resize": 10}))
