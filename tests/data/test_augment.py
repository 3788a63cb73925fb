"""What training does to images in memory: each thing by itself, measured on many images."""

import math

import numpy as np
import pytest
import torch

from compress.data.augment import RECIPES, Recipe, augment_pixels, cut_out, flip_and_shift, rotate
from compress.data.bundle import Order


def pixels(count: int = 23, *, size: int = 8, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, 256, (count, size, size, channels), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("name", RECIPES)
def test_every_preset_is_a_function_of_seed_epoch_and_index_whatever_the_batch(name):
    images = pixels(size=32, channels=3)
    for recipe in RECIPES[name].values():
        indices = np.array([9, 4, 17])
        together = augment_pixels(images[indices], indices=indices, order=Order(1, 2), recipe=recipe)
        for place, index in enumerate(indices):
            one = np.array([index])
            alone = augment_pixels(images[[index]], indices=one, order=Order(1, 2), recipe=recipe)
            assert torch.equal(alone[0], together[place])
        changed = recipe.flip or recipe.shift or recipe.rotation
        for order in (Order(1, 3), Order(2, 2)):
            other = augment_pixels(images[indices], indices=indices, order=order, recipe=recipe)
            assert torch.equal(other, together) != bool(changed)


def test_the_paper_scales_characters_and_clothes_and_cuts_squares_out_of_cifar():
    assert RECIPES["fashion"]["paper"] == RECIPES["kuzushiji"]["paper"] == Recipe(unit_range=True)
    assert RECIPES["cifar10"]["paper"] == Recipe(flip=True, rotation=15, cutout=16 / 32)
    assert RECIPES["cifar100"]["paper"] == Recipe(flip=True, rotation=15, cutout=8 / 32)
    assert not RECIPES["kuzushiji"]["default"].flip


def test_without_flips_nothing_is_mirrored_and_all_else_is_the_same():
    images = torch.zeros(200, 9, 9, 1, dtype=torch.uint8)
    images[:, 4, 4], images[:, 4, 5] = 255, 100
    kept = flip_and_shift(images, indices=np.arange(200), order=Order(0, 0), shift=2, flip=False)
    mirrored = flip_and_shift(images, indices=np.arange(200), order=Order(0, 0), shift=2)
    for one, other in zip(kept, mirrored, strict=True):
        assert torch.equal(one, other) or torch.equal(one.flip(1), other)
    assert ((kept == 100).nonzero()[:, 2] - (kept == 255).nonzero()[:, 2]).tolist() == [1] * 200


def test_a_turn_moves_a_point_by_its_angle_and_the_angles_fill_their_range():
    size, radius = 41, 15
    images = torch.zeros(500, size, size, 1, dtype=torch.uint8)
    images[:, 20 - 1 : 20 + 2, 20 + radius - 1 : 20 + radius + 2] = 200  # a spot right of the centre
    turned = rotate(images, indices=np.arange(500), order=Order(0, 0), degrees=15)[..., 0].double()
    place = torch.arange(size).double() - 20
    y = (turned.sum(2) * place).sum(1) / turned.sum((1, 2))
    x = (turned.sum(1) * place).sum(1) / turned.sum((1, 2))
    angles = torch.atan2(y, x).rad2deg()
    assert (torch.hypot(x, y) - radius).abs().max() < 0.2
    assert -15.3 < angles.min() < -14
    assert 14 < angles.max() < 15.3
    assert abs(angles.mean()) < 4 * 15 / math.sqrt(3 * 500)


def test_a_turned_image_is_dark_in_the_corners_and_itself_in_the_middle():
    images = torch.full((50, 32, 32, 3), 77, dtype=torch.uint8)
    turned = rotate(images, indices=np.arange(50), order=Order(0, 0), degrees=15)
    assert set(turned[:, 10:22, 10:22].unique().tolist()) == {77}
    assert (turned[:, 0, 0] < 77).all(dim=1).float().mean() > 0.9
    assert turned.dtype == torch.uint8


def test_a_square_is_cut_out_around_any_pixel_and_clipped_at_the_edge():
    images = torch.ones(4000, 3, 10, 10)
    cut = cut_out(images, indices=np.arange(4000), order=Order(0, 0), side=4)
    assert cut is images
    blank = (cut == 0).all(dim=1)
    assert torch.equal(blank, (cut == 0).any(dim=1))
    heights, widths = blank.any(dim=2).sum(1), blank.any(dim=1).sum(1)
    assert torch.equal(blank.sum((1, 2)), heights * widths)
    assert set(heights.tolist()) == set(widths.tolist()) == {2, 3, 4}  # a centre in the first row leaves 2 rows
    centres = blank.any(dim=2).float().argmax(dim=1).bincount(minlength=9)
    assert centres[0] > 2.5 * centres[3]  # centres 0, 1 and 2 all start at row 0
    assert (blank.float().mean(0) > 0.03).all()


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
