"""Settings of preprocessing: what fits together, and what a file or published weights may fill in."""

import pytest

from compress.errors import UsageError
from compress.settings.config import DataConfig, RunConfig, build, build_config, to_toml
from compress.settings.preprocessing import open_settings
from compress.settings.verify import UserOverrides

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mean": (0.5,)}, "--mean and --std: expected as many means"),
        ({"mean": (0.5,), "std": (0.0,)}, "stds \\(above 0"),
        ({"mean": (0.5, 0.5), "std": (0.2, 0.2)}, "--mean and --std: expected one value, or three for red, green"),
        ({"mean": (123.7, 116.3, 103.5), "std": (58.4, 57.1, 57.4)}, "got 123.7: .*0 to 255, add --pixel-range 255"),
        ({"mean": (), "std": ()}, "--mean: expected numbers such as"),
        ({"mean": "nan", "std": "0.5"}, "--mean: expected numbers such as"),
        ({"pixel_range": 255}, "--pixel-range is that of --mean and --std: give them too"),
        ({"pixel_range": 2, "mean": (0.5,), "std": (0.5,)}, "--pixel-range: expected 1 or 255, got 2"),
        ({"resize": 200, "image_size": 224}, "--resize makes the shorter side 200 pixels, less than the 224 of"),
        ({"resize": 256, "crop": 0.875}, "--resize and --crop both say how large .*: drop one"),
        ({"resize": "big"}, "--resize: expected pixels from 16 to 2048, or squash, got 'big'"),
        ({"crop": 87.5}, "--crop: expected a share such as 0.875, or pixels such as 224, got 87.5"),
        ({"crop": 0}, "--crop: expected a share such as 0.875"),
        ({"crop": 224, "image_size": 192}, "--crop in pixels is the image size: expected one of both, got 224 and"),
        ({"interpolation": "area"}, "--interpolation: expected 'nearest', 'bilinear', 'bicubic' or 'lanczos'"),
        ({"channel_order": "gbr"}, "--channel-order: expected 'rgb' or 'bgr', got 'gbr'"),
    ],
)
def test_what_cannot_be_is_explained(values, message):
    for model in (DataConfig, UserOverrides):
        with pytest.raises(UsageError, match=message):
            build(model, values)


def test_a_crop_in_pixels_is_the_image_size():
    assert (DataConfig(crop=224).image_size, DataConfig(crop=224).crop) == (224, None)
    assert (DataConfig(crop=0.875).image_size, DataConfig(crop="0.875").crop) == (None, 0.875)


def test_pixels_of_255_are_the_same_as_of_1():
    scaled = DataConfig(mean=(127.5,), std=(51.0,), pixel_range=255).preparation()
    assert scaled == DataConfig(mean=(0.5,), std=(0.2,)).preparation()


def test_toml_gives_the_same_settings_back():
    config = RunConfig(arch="squeezenet", resize="squash", crop=0.9, interpolation="bicubic", **IMAGENET)
    text = to_toml(config)
    assert 'resize = "squash"' in text
    assert "preprocessing" not in text


def test_flags_win_over_a_file_of_preprocessing_and_that_over_toml(tmp_path):
    (tmp_path / "timm.json").write_text('{"input_size": [3, 192, 192], "crop_pct": 0.96, "mean": [0.5], "std": [0.5]}')
    (tmp_path / "run.toml").write_text('arch = "squeezenet"\nresize = 300\nmean = [0.1]\nstd = [0.2]\n')
    given = {"preprocessing": tmp_path / "timm.json", "interpolation": "lanczos"}
    config = build_config(given, file=tmp_path / "run.toml")
    assert (config.image_size, config.crop, config.resize, config.interpolation) == (192, 0.96, None, "lanczos")
    assert (config.mean, config.preprocessing) == ((0.5,), None)


STATED = {"image_size": 224, "resize": 256, "interpolation": "bicubic", **IMAGENET}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({}, STATED),
        (
            {"mean": (0.5,), "std": (0.5,), "resize": None},
            {"image_size": 224, "resize": 256, "interpolation": "bicubic"},
        ),
        ({"crop": 0.9}, {"image_size": 224, "interpolation": "bicubic", **IMAGENET}),
        ({"image_size": 112}, {"resize": 128, "interpolation": "bicubic", **IMAGENET}),
        ({"interpolation": "nearest", "image_size": 224}, {"resize": 256, **IMAGENET}),
    ],
)
def test_only_open_settings_are_taken_and_a_resize_in_proportion(given, taken):
    assert open_settings(given, STATED) == taken
