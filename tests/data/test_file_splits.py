import os
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from compress.data.bundle import Order
from compress.data.folder import load_folder
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from tests.data.files import assert_equal, write_folder

SPLITS = {"train": 20, "val": 1, "test": 3}


def options(*, image_size=16, augment="default", channels=None, workers=0, **preprocessing) -> DataConfig:
    return DataConfig(image_size=image_size, workers=workers, channels=channels, augment=augment, **preprocessing)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "pets", splits=SPLITS, side=80)


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "grey", splits=SPLITS, mode="L", side=80)


def blanks(images) -> list[int]:
    """Pixels of each image that hold exactly the mean colour."""
    return (images == 0).all(dim=1).flatten(1).sum(dim=1).tolist()


def training_images(folder, **values):
    return next(load_folder(folder, options(**values)).train.batches(40, order=Order(0, 0)))[0]


def test_plain_batches_are_the_centre_square_resized_and_normalised(root):
    split = load_folder(root, options()).test
    images, labels = next(split.batches(3))
    assert images.shape == (3, 3, 16, 16)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert labels.tolist() == [0, 0, 0]
    with Image.open(split.files[1]) as image:
        width, height = image.size
        side = min(width, height)
        square = image.crop(((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2))
        pixels = np.asarray(square.resize((16, 16), Image.Resampling.BILINEAR)) / 255
    shown = split.preprocessing
    torch.testing.assert_close(
        images[1].permute(1, 2, 0).double(), torch.from_numpy((pixels - shown.mean) / shown.std), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_stated_preprocessing_is_that_of_every_file(root, workers):
    stated = {"resize": 20, "interpolation": "bicubic", "mean": (0.5,), "std": (0.2,), "channel_order": "bgr"}
    bundle = load_folder(root, options(workers=workers, **stated))
    images, _labels = next(bundle.test.batches(6))
    assert torch.equal(images, torch.stack([bundle.preprocessing(Image.open(file)) for file in bundle.test.files]))


def test_random_parts_use_the_interpolation_that_is_stated(root):
    bilinear, nearest = (training_images(root, interpolation=name) for name in ("bilinear", "nearest"))
    assert torch.equal(bilinear, training_images(root))
    assert not torch.equal(bilinear, nearest)


@pytest.mark.parametrize("augment", ["default", "paper"])
def test_training_batches_are_a_function_of_seed_epoch_and_index(root, augment):
    split = load_folder(root, options(augment=augment)).train
    whole = list(split.batches(9, order=Order(1, 2)))
    torch.manual_seed(99)
    assert_equal(list(split.batches(9, order=Order(1, 2), first=2)), whole[2:])
    assert len(whole) == split.steps(9) == 5
    for other in (Order(1, 3), Order(2, 2)):
        assert not torch.equal(next(split.batches(9, order=other))[0], whole[0][0])
    (together,) = split.batches(40, order=Order(1, 2))
    assert_equal([torch.cat(parts) for parts in zip(*whole, strict=True)], list(together))


@pytest.mark.parametrize("augment", ["default", "paper"])
def test_workers_change_nothing_and_reading_leaves_torchs_own_random_numbers_alone(root, augment):
    split = load_folder(root, options(augment=augment)).train
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    alone = list(split.batches(6, order=Order(0, 1)))
    assert len(alone) == 7
    assert_equal(list(replace(split, workers=2).batches(6, order=Order(0, 1))), alone)
    list(split.batches(8))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_vanishes_after_the_scan_is_named(tmp_path, workers):
    bundle = load_folder(write_folder(tmp_path, splits={"train": 2, "test": 1}), options(workers=workers))
    bundle.test.files[1].unlink()
    with pytest.raises(BadInputError) as error:
        list(bundle.test.batches(2))
    assert str(error.value) == f"cannot read the image {tmp_path}/test/dog/000.png: No such file or directory"


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("settled", [True, False])
def test_an_image_that_was_exchanged_after_the_scan_is_refused(tmp_path, monkeypatch, settled, workers):
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10**12 * settled)
    bundle = load_folder(write_folder(tmp_path, splits={"train": 2, "test": 1}), options(workers=workers))
    path, before = bundle.test.files[1], list(bundle.test.batches(2))
    status = path.stat()
    path.write_bytes(path.read_bytes())  # the same content once more
    assert_equal(list(bundle.test.batches(2)), before)
    path.write_bytes(bundle.test.files[0].read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(BadInputError, match=r"test/dog/000\.png changed since the run began: expected the image that"):
        list(bundle.test.batches(2))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_can_be_asked_for(root, grey, channels):
    colour = load_folder(root, options(channels=channels)).test
    images, _ = next(colour.batches(2))
    assert images.shape[1] == colour.preprocessing.channels == len(colour.preprocessing.mean) == channels
    images, _ = next(load_folder(grey, options(channels=channels)).test.batches(2))
    assert images.shape[1] == channels
    shown = load_folder(grey, options(channels=channels)).preprocessing
    pixels = images * torch.tensor(shown.std).view(-1, 1, 1) + torch.tensor(shown.mean).view(-1, 1, 1)
    torch.testing.assert_close(pixels, pixels[:, :1].expand_as(pixels), atol=1e-6, rtol=0)  # grey is repeated


def test_half_of_the_coloured_images_lose_a_quarters_square_and_for_the_paper_all_a_half(root, grey):
    cut = [count for count in blanks(training_images(root)) if count]
    assert 10 <= len(cut) <= 30
    assert (min(cut) >= 4, max(cut)) == (True, 16)  # 4 x 4 of 16 x 16; less at the edge
    assert not any(blanks(training_images(grey)))
    for folder in (root, grey):
        cut = blanks(training_images(folder, augment="paper"))
        assert (min(cut) >= 16, max(cut)) == (True, 64)  # 8 x 8 of 16 x 16
    assert load_folder(root, options(augment="paper")).preprocessing == load_folder(root, options()).preprocessing


def test_half_are_mirrored_and_only_the_paper_turns(tmp_path):
    slope = np.tile(np.arange(50, 250, 5, dtype=np.uint8).repeat(2), (80, 1))  # brighter to the right
    for split, count in {"train": 20, "test": 1}.items():
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(slope).save(tmp_path / split / name / f"{number}.png")
    shown = load_folder(tmp_path, options()).preprocessing
    for augment in ("default", "paper"):
        pixels = training_images(tmp_path, augment=augment)[:, 0] * shown.std[0] + shown.mean[0]
        rising = (pixels[:, :, 9:].mean(dim=(1, 2)) > pixels[:, :, :7].mean(dim=(1, 2))).sum().item()
        corners = pixels[:, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert 10 <= rising <= 30
        assert (corners.min().item() < 0.1) == (augment == "paper")  # filled with black
