"""Files that state the preprocessing of weights: a run's ``model.json``, timm's and Hugging Face's, as settings."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from compress.errors import BadInputError
from compress.exporter_faults import read_file
from compress.json_text import parse_json
from compress.lists import listed
from compress.settings.messages import describe
from compress.settings.preprocessing import NOTED, PreprocessingSettings

Stated = dict[str, Any]
"""Settings of ``PreprocessingSettings``, by name."""

_MAX_BYTES: Final = 2**24
_FORMATS: Final = "a run's model.json, timm's config.json or data config, Hugging Face's preprocessor_config.json"

_TIMM_DEFAULTS: Final = {
    "crop_pct": 0.875,
    "interpolation": "bicubic",
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}
"""What timm.data.resolve_data_config takes where nothing is stated."""

_RESAMPLE: Final = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, as Hugging Face writes them."""

_SQUASHING: Final = ("ViT", "DeiT", "Beit", "Swin", "EfficientNet")
_CROPPING: Final = ("ConvNext", "CLIP", "MobileNet", "MobileViT", "Bit")
"""How names of processors begin for which a size of one number is that of both sides, and of the shorter side."""

_HUGGING_FACE: Final = {
    *("size", "crop_size", "crop_pct", "resample", "rescale_factor", "rescale_offset", "image_mean", "image_std"),
    *("do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_flip_channel_order", "include_top"),
    *("image_processor_type", "feature_extractor_type", "processor_class", "default_to_square"),
    *("do_convert_rgb", "do_reduce_labels", "data_format", "model_input_names", "_valid_processor_keys"),
}  # fmt: skip


def read_preprocessing(file: Path) -> Stated:
    """The settings that a file states; those it leaves open are missing.

    BadInputError if it is missing, no JSON, of no known format, or states what images cannot be prepared by here.
    """
    content = _read_json(file)
    translate = next((translate for is_format, translate in _TRANSLATIONS if is_format(content)), None)
    if translate is None:
        raise BadInputError(f"{file} states no preprocessing that is known: expected {_FORMATS}")
    try:
        stated = {name: value for name, value in translate(content).items() if value is not None}
        PreprocessingSettings(**stated)
    except ValidationError as error:
        fault = describe(error, PreprocessingSettings, file=file, in_file=stated)
        raise BadInputError(f"{file}: {fault}") from None
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError, OverflowError) as error:
        raise BadInputError(f"{file} states no preprocessing that can be read: {_first_line(error)}") from None
    return stated


def _read_json(file: Path) -> dict[str, Any]:
    content = parse_json(read_file(file, limit=_MAX_BYTES, kind="preprocessing"), source=file)
    if not isinstance(content, dict):
        raise BadInputError(f"{file} is JSON of another shape: expected an object with keys, as in {_FORMATS}")
    return content


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _of_run(content: Mapping[str, Any]) -> Stated:
    """``model.json``: mean and std are of pixels of 0 to 1. Without "preprocessing" images were read by default."""
    noted = dict(content.get("preprocessing") or {})
    sizes = {name: content[name] for name in ("image_size", "mean", "std")}
    return sizes | {name: noted[name] for name in NOTED if name in noted}


def of_timm(content: Mapping[str, Any]) -> Stated:
    """Timm's data config, in ``pretrained_cfg`` or alone; ValueError if images cannot be prepared so here."""
    config = dict(content.get("pretrained_cfg") or content)
    stated: Stated = _TIMM_DEFAULTS | {name: config[name] for name in _TIMM_DEFAULTS if config.get(name)}
    mode = config.get("crop_mode") or "center"
    if mode not in ("center", "squash"):
        raise ValueError(f'expected crop_mode "center" or "squash", got {mode!r}, which adds borders')
    if stated["crop_pct"] > 1:
        raise ValueError(f"expected a crop_pct of at most 1, got {stated['crop_pct']}, which adds borders")
    _channels, height, width = config.get("input_size") or (3, 224, 224)
    return {
        "image_size": _square(height, width),
        "resize": "squash" if mode == "squash" else None,
        "crop": stated["crop_pct"],
        "interpolation": stated["interpolation"],
        "mean": stated["mean"],
        "std": stated["std"],
    }


def _of_hugging_face(content: Mapping[str, Any]) -> Stated:
    given = {name: value for name, value in content.items() if value is not None}
    unknown = [name for name, value in given.items() if name not in _HUGGING_FACE and value is not False]
    if unknown:
        raise ValueError(f"unknown keys {listed(unknown)}: remove them if they do not change the images")
    if given.get("do_resize") is False:
        raise ValueError("do_resize is false, but images of all sizes have to become one size: give --resize instead")
    resample = given.get("resample", 2)
    if resample not in _RESAMPLE:
        raise ValueError(f"expected resample {', '.join(map(str, _RESAMPLE))}, got {resample!r}")
    order = "bgr" if given.get("do_flip_channel_order") else None
    return {
        **_hugging_face_framing(given),
        **_hugging_face_normalisation(given),
        "interpolation": _RESAMPLE[resample],
        "channel_order": order,
    }


def _hugging_face_framing(given: Mapping[str, Any]) -> Stated:
    kind = str(given.get("image_processor_type") or given.get("feature_extractor_type") or "")
    shorter, sides = _hugging_face_size(given, kind)
    if kind.startswith("ConvNext") or ("crop_pct" in given and shorter is not None):
        if kind.startswith("ConvNext") and shorter >= 384:
            return {"image_size": shorter, "resize": "squash"}
        return {"image_size": shorter, "resize": int(shorter / given.get("crop_pct", 224 / 256))}
    crop = given.get("crop_size")
    if not given.get("do_center_crop", crop is not None):
        if shorter is not None:
            raise ValueError(
                f"shorter sides become {shorter} pixels and nothing is cropped, but images have to be square: add "
                '"do_center_crop" and "crop_size", or write "size" as height and width'
            )
        return {"image_size": sides, "resize": "squash"}
    if crop is None:
        raise ValueError('"do_center_crop" needs a "crop_size"')
    size = _square(crop["height"], crop["width"]) if isinstance(crop, Mapping) else int(crop)
    if shorter is not None:
        return {"image_size": size, "resize": shorter}
    share = size / (sides + 0.5) if sides != size else None  # half a pixel: size / share is rounded down
    return {"image_size": size, "resize": "squash", "crop": share}


def _hugging_face_size(given: Mapping[str, Any], kind: str) -> tuple[Any, Any]:
    """Pixels that the shorter side gets, or those that both sides get; the other is ``None``."""
    size = given["size"]
    if isinstance(size, Mapping):
        if unknown := size.keys() - {"shortest_edge", "height", "width"}:
            raise ValueError(f'expected "shortest_edge" or "height" and "width" in size, got {listed(unknown)}')
        if "shortest_edge" in size:
            return int(size["shortest_edge"]), None
        return None, _square(size["height"], size["width"])
    to_square = given.get("default_to_square", True if kind.startswith(_SQUASHING) else None)
    if to_square is None and not kind.startswith(_CROPPING):
        raise ValueError(
            f'size {size!r} does not say of which side: write {{"shortest_edge": {size}}} or '
            f'{{"height": {size}, "width": {size}}}'
        )
    return (None, int(size)) if to_square else (int(size), None)


def _hugging_face_normalisation(given: Mapping[str, Any]) -> Stated:
    """Mean and std of pixels of 0 to 1: ``(p * factor - offset - mean) / std`` with ``p = 255 u``."""
    factor, offset = float(given.get("rescale_factor", 1 / 255)), float(bool(given.get("rescale_offset")))
    if given.get("do_rescale") is False:
        factor, offset = 1.0, 0.0
    scale = 1.0 if factor == 1 / 255 else 255 * factor
    mean, std = given.get("image_mean", (0.5,)), given.get("image_std", (0.5,))
    if given.get("do_normalize") is False:
        mean, std = (0.0,), (1.0,)
    elif not {"image_mean", "image_std"} <= given.keys():
        raise ValueError('expected "image_mean" and "image_std", or "do_normalize": false')
    if given.get("include_top"):  # EfficientNet's divides by std once more
        std = [value * value for value in std]
    return {
        "mean": tuple((value + offset) / scale for value in mean),
        "std": tuple(value / scale for value in std),
    }


def _square(height: Any, width: Any) -> int:
    if height != width:
        raise ValueError(f"expected square images, got {height} x {width}")
    return int(height)


_TRANSLATIONS: Final[tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], Stated]], ...]] = (
    (lambda content: "data_fingerprint" in content and "mean" in content, _of_run),
    (lambda content: "pretrained_cfg" in content or "input_size" in content, of_timm),
    (lambda content: any(name in content for name in ("image_mean", "do_resize", "do_normalize")), _of_hugging_face),
)
