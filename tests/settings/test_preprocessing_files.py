"""Files of preprocessing: ours, timm's, Hugging Face's."""

import json
from pathlib import Path

import pytest

from compress.errors import BadInputError
from compress.settings.preprocessing_files import read_preprocessing
from models_zoo.torchvision_mend import torchvision  # noqa: F401  (before timm)

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
CROPPED = {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True}
VIT = {"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224}, "resample": 2, **HALF}


def stated(tmp_path, content) -> dict:
    file = tmp_path / "preprocessing.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_preprocessing(file)


def test_a_runs_own_file(tmp_path):
    ours = {"image_size": 48, "mean": [0.286], "std": [0.353], "resize": "in words", "data_fingerprint": "0"}
    assert stated(tmp_path, ours) == {"image_size": 48, "mean": [0.286], "std": [0.353]}
    how = {"resize": 56, "crop": None, "interpolation": "bicubic", "channel_order": "bgr"}
    full = {"image_size": 48, "mean": [0.286], "std": [0.353]} | {name: how[name] for name in how if how[name]}
    assert stated(tmp_path, ours | {"preprocessing": how}) == full


def test_a_runs_file_names_no_other_file(tmp_path):
    ours = {"image_size": 48, "mean": [0.286], "std": [0.353], "data_fingerprint": "0"}
    itself = {"preprocessing": str(tmp_path / "preprocessing.json"), "interpolation": "bicubic"}
    assert stated(tmp_path, ours | {"preprocessing": itself}) == {
        "image_size": 48,
        "mean": [0.286],
        "std": [0.353],
        "interpolation": "bicubic",
    }


def test_timms_config(tmp_path):
    config = {
        "input_size": [3, 192, 192],
        "crop_pct": 0.96,
        "crop_mode": "squash",
        "interpolation": "bilinear",
    } | IMAGENET
    wanted = {"image_size": 192, "resize": "squash", "crop": 0.96, "interpolation": "bilinear"} | IMAGENET
    assert stated(tmp_path, {"architecture": "x", "num_classes": 10, "pretrained_cfg": config}) == wanted
    assert stated(tmp_path, config) == wanted


def test_what_timm_leaves_out_is_what_timm_takes(tmp_path):
    from timm.data import resolve_data_config  # after torchvision was mended

    found = stated(tmp_path, {"input_size": [3, 224, 224]})
    theirs = resolve_data_config(pretrained_cfg={"input_size": (3, 224, 224)})
    assert (found["image_size"], found["crop"]) == (theirs["input_size"][1], theirs["crop_pct"])
    assert {name: found[name] for name in ("interpolation", "mean", "std")} == {
        name: theirs[name] for name in ("interpolation", "mean", "std")
    }


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (VIT, {"image_size": 224, "resize": "squash", "interpolation": "bilinear"}),
        (CROPPED | {"resample": 3} | HALF, {"image_size": 224, "resize": 256, "interpolation": "bicubic"}),
        (VIT | {"size": 224, "resample": 1}, {"image_size": 224, "resize": "squash", "interpolation": "lanczos"}),
        (
            CROPPED | {"size": 256, "image_processor_type": "CLIPImageProcessor"} | HALF,
            {"image_size": 224, "resize": 256},
        ),
        (CROPPED | {"size": {"height": 256, "width": 256}, **HALF}, {"image_size": 224, "resize": "squash"}),
        (
            {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": 0.875, **HALF},
            {"image_size": 224, "resize": 256},
        ),
        (
            {"image_processor_type": "ConvNextImageProcessor", "size": 384, **HALF},
            {"image_size": 384, "resize": "squash"},
        ),
        (VIT | {"do_flip_channel_order": True}, {"channel_order": "bgr"}),
        (VIT | {"do_reduce_labels": False, "do_pad": None}, {"image_size": 224}),
    ],
)
def test_hugging_faces_sizes(tmp_path, content, wanted):
    found = stated(tmp_path, content)
    assert {name: found.get(name) for name in wanted} == wanted


def test_squashed_and_cropped_comes_to_the_pixels_that_are_stated(tmp_path):
    found = stated(tmp_path, CROPPED | {"size": {"height": 257, "width": 257}, **HALF})
    assert int(224 / found["crop"]) == 257


@pytest.mark.parametrize(
    ("content", "mean", "std"),
    [
        ({}, 0.5, 0.5),
        ({"do_rescale": False, "image_mean": [127.5], "image_std": [51.0]}, 0.5, 0.2),
        ({"do_normalize": False}, 0, 1),
        ({"rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False}, 0.5, 0.5),  # -1 to 1
        ({"include_top": True}, 0.5, 0.25),
    ],
)
def test_hugging_faces_normalisation(tmp_path, content, mean, std):
    """The same as their arithmetic on one pixel: rescale, then less the mean, divided by the std."""
    found = stated(tmp_path, VIT | content)
    assert found["mean"][0] == pytest.approx(mean)
    assert found["std"][0] == pytest.approx(std)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[1, 2]", "is JSON of another shape: expected an object"),
        ("[" * 100_000, "is not JSON"),
        ({"classes": ["a"]}, "states no preprocessing that is known: expected a run's model.json, timm's"),
        ({"input_size": [3, 224, 192]}, "expected square images, got 224 x 192"),
        ({"input_size": 224}, "states no preprocessing that can be read"),
        ({"input_size": [3, 224, 224], "crop_mode": "border"}, "which adds borders"),
        ({"input_size": [3, 224, 224], "interpolation": "random"}, "interpolation: expected 'nearest'"),
        ({"input_size": [3, 224, 224], "mean": "grey"}, "mean: expected numbers such as"),
        (VIT | {"do_thumbnail": True}, "unknown keys do_thumbnail: remove them if they do not change"),
        (VIT | {"do_resize": False}, "do_resize is false"),
        (
            VIT | {"size": 224, "image_processor_type": "NewProcessor"},
            'size 224 does not say of which side: write {"sho',
        ),
        (
            VIT | {"size": {"longest_edge": 224}},
            'expected "shortest_edge" or "height" and "width" in size, got longest',
        ),
        (VIT | {"size": {"shortest_edge": 224}}, "nothing is cropped, but images have to be square"),
        (VIT | {"resample": 5}, "expected resample 0, 1, 2, 3, got 5"),
        (VIT | {"image_std": [0, 0, 0]}, "expected as many means"),
        ({"do_normalize": True, "size": 224}, "states no preprocessing that can be read"),
    ],
)
def test_what_images_cannot_be_prepared_by_is_one_line_or_names_every_fault(tmp_path, content, message):
    with pytest.raises(BadInputError) as caught:
        stated(tmp_path, content)
    assert message in str(caught.value)
    assert str(tmp_path / "preprocessing.json") in str(caught.value)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(BadInputError, match=r"cannot read the preprocessing .*none\.json: No such file"):
        read_preprocessing(tmp_path / "none.json")


def test_the_documentations_example():
    """EfficientNet-Lite0 was trained with mean 127/255 and std 128/255, 224 of 256 pixels, bicubic."""
    given = read_preprocessing(Path(__file__).parents[2] / "docs/lite0.json")
    assert (given["image_size"], given["crop"], given["interpolation"]) == (224, 224 / 256, "bicubic")
    assert given["mean"] == pytest.approx([127 / 255] * 3, abs=1e-6)
    assert given["std"] == pytest.approx([128 / 255] * 3, abs=1e-6)
