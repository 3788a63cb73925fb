"""Augmentation of each data set: what training does to its images.

Every random choice is a function of (seed, epoch, index of the image) alone. Shared arguments: ``indices`` int64 [B],
the images' places in their split; ``order``, seed and epoch. Axes: B images of a batch, H height, W width, C channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from compress.data.bundle import Order
from compress.data.order import random_integers
from compress.settings.config import Augment, DataConfig

_FLIP, _SHIFT_ROWS, _SHIFT_COLUMNS = 0x464C, 0x5348_52, 0x5348_43  # streams of random numbers
_ROTATE, _CUT_ROWS, _CUT_COLUMNS, _CUT = 0x524F, 0x4355_52, 0x4355_43, 0x4355_54
_TENTHS = 10  # angles are whole tenths of a degree


@dataclass(frozen=True)
class Recipe:
    """How images are scaled, and what training does to them, in this order."""

    unit_range: bool = False  # pixels stay in [0, 1] (mean 0, std 1) instead of being normalised
    crop: bool = False  # the image is a random part of its file, not the centre; only for image files
    flip: bool = False  # half of the images are mirrored
    shift: float = 0.0  # an image moves by up to this share of its size along both axes
    rotation: float = 0.0  # an image turns by up to this angle, degrees either way
    cutout: float = 0.0  # side of the blanked square as a share of the image's
    cutout_half: bool = False  # only half of the images are blanked, and only colour images


PLAIN = Recipe()

SMALL_SIZE = 64
"""Pixels: images up to this size show one thing that fills them, as CIFAR-10's do; larger ones are photographs."""

_FASHION = Recipe(flip=True, shift=1 / 14)  # 2 of the 28 pixels
_CIFAR = Recipe(flip=True, shift=1 / 8)  # 4 of the 32 pixels

_PAPER_FILES = Recipe(flip=True, rotation=15.0, cutout=1 / 2)

RECIPES: Mapping[str, Mapping[Augment, Recipe]] = {
    "fashion": {"default": _FASHION, "paper": Recipe(unit_range=True)},
    "kuzushiji": {"default": Recipe(shift=1 / 14), "paper": Recipe(unit_range=True)},  # mirrored: another character
    "cifar10": {"default": _CIFAR, "paper": Recipe(flip=True, rotation=15.0, cutout=1 / 2)},
    "cifar100": {"default": _CIFAR, "paper": Recipe(flip=True, rotation=15.0, cutout=1 / 4)},
    "small grey files": {"default": _FASHION, "paper": _PAPER_FILES},
    "small colour files": {"default": _CIFAR, "paper": _PAPER_FILES},
    "photographs": {"default": Recipe(crop=True, flip=True, cutout=1 / 4, cutout_half=True), "paper": _PAPER_FILES},
}
"""What ``augment`` "default" and "paper" do, per data set; image files by what they are (``recipes_of_files``).

The paper (arXiv 2006.04270) scales Fashion and Kuzushiji to [0, 1] and trains CIFAR and Flowers with flips, rotation
and Cutout, without giving angles or sizes. The squares are those of DeVries and Taylor (arXiv 1708.04552: 16 of 32
pixels on CIFAR-10, 8 on CIFAR-100; files as CIFAR-10); the 15 degrees are ours. By default grey files are never
blanked: shape is all they have to be recognised by.
"""


def recipes_of_files(image_size: int, *, grey: bool) -> Mapping[Augment, Recipe]:
    """The recipes of image files, by the size (pixels) they have and whether they are grey."""
    if image_size > SMALL_SIZE:
        return RECIPES["photographs"]
    return RECIPES["small grey files" if grey else "small colour files"]


def choose_recipe(recipes: Mapping[Augment, Recipe], config: DataConfig) -> Recipe:
    """The one of a data set's recipes that the settings ask for."""
    recipe = recipes[config.augment or "default"]
    return recipe if config.mirror is None else replace(recipe, flip=config.mirror)


def augment_pixels(images: Tensor, *, indices: NDArray[np.int64], order: Order | None, recipe: Recipe) -> Tensor:
    """Mirror, shift and turn images uint8 [B, H, W, C] by ``recipe``; without an ``order`` they stay as they are."""
    if order is None:
        return images
    if recipe.flip or recipe.shift:
        shift = round(recipe.shift * images.shape[1])
        images = flip_and_shift(images, indices=indices, order=order, shift=shift, flip=recipe.flip)
    if recipe.rotation:
        images = rotate(images, indices=indices, order=order, degrees=recipe.rotation)
    return images


def flip_and_shift(
    images: Tensor, *, indices: NDArray[np.int64], order: Order, shift: int, flip: bool = True
) -> Tensor:
    """Mirror half of the images uint8 [B, H, W, C] if ``flip``; move each by up to ``shift`` pixels along both axes.

    The result is a new tensor; the edge is filled with zeros.
    """
    height, width = images.shape[1:3]
    key = (order.seed, order.epoch)
    top = random_integers((*key, _SHIFT_ROWS), indices, low=0, high=2 * shift)
    left = random_integers((*key, _SHIFT_COLUMNS), indices, low=0, high=2 * shift)
    flipped = flip & random_integers((*key, _FLIP), indices, low=0, high=1).astype(bool)
    columns = np.where(flipped[:, None], np.arange(width)[::-1], np.arange(width)) + left[:, None]
    rows = np.arange(height) + top[:, None]
    padded = functional.pad(images, (0, 0, shift, shift, shift, shift))
    image = torch.arange(len(images))[:, None, None]
    return padded[image, torch.from_numpy(rows)[:, :, None], torch.from_numpy(columns)[:, None, :]]


def rotate(images: Tensor, *, indices: NDArray[np.int64], order: Order, degrees: float) -> Tensor:
    """Turn images uint8 [B, H, W, C] about their centre by up to ``degrees`` either way.

    Bilinear; the corners are filled with zeros.
    """
    most = round(degrees * _TENTHS)
    tenths = random_integers((order.seed, order.epoch, _ROTATE), indices, low=-most, high=most)
    angles = np.deg2rad(tenths / _TENTHS)
    cos, sin, zero = np.cos(angles), np.sin(angles), np.zeros(len(angles))
    matrices = np.stack([np.stack([cos, -sin, zero], 1), np.stack([sin, cos, zero], 1)], 1)
    planes = images.permute(0, 3, 1, 2).float()
    grid = functional.affine_grid(torch.from_numpy(matrices).float(), list(planes.shape), align_corners=False)
    turned = functional.grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return turned.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def apply_cutout(images: Tensor, *, indices: NDArray[np.int64], order: Order | None, recipe: Recipe) -> None:
    """Blank squares by ``recipe`` in normalised images float32 [B, C, H, W], in place; nothing without ``order``."""
    side = round(recipe.cutout * images.shape[-1])
    if order is None or not side:
        return
    if not recipe.cutout_half:
        cut_out(images, indices=indices, order=order, side=side)
    elif images.shape[1] == 3:
        drawn = random_integers((order.seed, order.epoch, _CUT), indices, low=0, high=1).astype(bool)
        chosen = torch.from_numpy(drawn)
        images[chosen] = cut_out(images[chosen], indices=indices[drawn], order=order, side=side)


def cut_out(images: Tensor, *, indices: NDArray[np.int64], order: Order, side: int) -> Tensor:
    """Blank a square of ``side`` pixels anywhere in each image float32 [B, C, H, W], in place; clipped at the edge.

    Cutout (DeVries and Taylor, arXiv 1708.04552), after normalisation: the square has the mean colour.
    """
    height, width = images.shape[2:]

    def inside(stream: int, length: int) -> Tensor:
        centre = random_integers((order.seed, order.epoch, stream), indices, low=0, high=length - 1)[:, None]
        place = np.arange(length) - (centre - side // 2)
        return torch.from_numpy((place >= 0) & (place < side))

    blank = inside(_CUT_ROWS, height)[:, :, None] & inside(_CUT_COLUMNS, width)[:, None, :]
    return images.masked_fill_(blank[:, None], 0.0)
