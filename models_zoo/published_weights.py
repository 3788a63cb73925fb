"""Published weights of networks by name: torchvision's, and timm's where it is installed. Nothing is downloaded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models_zoo import timm_models
from models_zoo.torchvision_mend import torchvision

DEFAULT = "imagenet"
"""The name of a network's default weights: those that its package takes if it is asked for pretrained ones."""

_HASH = re.compile(r"-([0-9a-f]{8,64})\.")


class UnknownWeightsError(ValueError):
    """No published weights of that name; the message says which there are."""


@dataclass(frozen=True)
class PublishedWeights:
    """Weights that were published with a network: where they are, and what they were made for."""

    name: str  # torchvision's (ResNet18_Weights.IMAGENET1K_V1) or timm's (timm/resnet18.a1_in1k)
    url: str  # "" if it is only in a repository of Hugging Face
    classes: tuple[str, ...]  # in the order of the logits; empty if unknown
    preprocessing: Mapping[str, Any] = field(default_factory=dict)  # torchvision's, as names and values of settings
    timm_config: Mapping[str, Any] | None = None  # timm's data config
    repository: str = ""  # of Hugging Face
    files: tuple[str, ...] = ()  # in the repository, the first one there is
    top1: float | None = None  # percent, on ImageNet's validation images, as published

    @property
    def file_name(self) -> str:
        """The file's name in torch's hub cache."""
        return self.url.rpartition("/")[2]

    @property
    def sha256(self) -> str:
        """The first hexadecimal digits of the file's sha256, which its name ends with; "" where it has none."""
        found = _HASH.search(self.file_name)
        return found[1] if found else ""


def find_published_weights(arch: str | None, name: str) -> PublishedWeights:
    """The weights ``name`` of a network of the zoo (not an alias): ``imagenet``, an entry of its weights, a full name.

    ``arch`` is ``None`` for a user's own network: then only a full name says which weights are meant.
    UnknownWeightsError if there are none of that name, or they are another network's.
    """
    if name.startswith(timm_models.PREFIX) or (arch or "").startswith(timm_models.PREFIX):
        return _of_timm(arch, name)
    return _of_torchvision(arch, name)


def _of_torchvision(arch: str | None, name: str) -> PublishedWeights:
    models = torchvision.models
    if arch is None:
        try:
            found = models.get_weight(name)
        except (ValueError, KeyError, TypeError):  # TypeError: resnet18.pth, as torchvision.models.resnet18 is no enum
            raise UnknownWeightsError(
                f"there are no weights {name!r} for your own network: give their full name, such as "
                "ResNet18_Weights.IMAGENET1K_V1 or timm/resnet18.a1_in1k, or a file"
            ) from None
    else:
        if arch not in models.list_models(module=models):
            raise UnknownWeightsError(f"{arch} has no published weights: train it, or give a file")
        entries = models.get_model_weights(arch)
        known = {DEFAULT: entries.DEFAULT, **{one.name: one for one in entries}, **{str(one): one for one in entries}}
        if name not in known:
            listed = ", ".join(one.name for one in entries)
            raise UnknownWeightsError(f"{arch} has no weights {name!r}; it has {listed} ({DEFAULT}: the default)")
        found = known[name]
    shown = found.transforms()
    if not hasattr(shown, "crop_size") or "categories" not in found.meta:
        raise UnknownWeightsError(f"{found} are no weights of an image classifier")
    return PublishedWeights(
        name=str(found),
        url=found.url,
        classes=tuple(found.meta["categories"]),
        preprocessing={
            "image_size": shown.crop_size[0],
            "resize": shown.resize_size[0],
            "interpolation": shown.interpolation.value,
            "mean": tuple(shown.mean),
            "std": tuple(shown.std),
        },
        top1=found.meta.get("_metrics", {}).get("ImageNet-1K", {}).get("acc@1"),
    )


def _of_timm(arch: str | None, name: str) -> PublishedWeights:
    bare = (arch or name).removeprefix(timm_models.PREFIX).partition(".")[0]
    full = name.removeprefix(timm_models.PREFIX)
    if name == DEFAULT:
        full = bare
    elif not name.startswith(timm_models.PREFIX):
        full = f"{bare}.{name.removeprefix(bare + '.')}"
    tags = timm_models.pretrained_tags(bare)
    config = timm_models.pretrained_config(full) if full in tags or (full == bare and tags) else None
    if config is None:
        listed = ", ".join(tag.partition(".")[2] for tag in tags) or "none"
        raise UnknownWeightsError(f"{timm_models.PREFIX}{bare} has no weights {name!r}; it has {listed}")
    if config["custom_load"]:
        raise UnknownWeightsError(f"the weights {name!r} are in another format than torch's: save a state dict of them")
    return PublishedWeights(
        name=f"{timm_models.PREFIX}{bare}.{config['tag']}",
        url=config["url"] or "",
        classes=_imagenet_classes() if config["num_classes"] == len(_imagenet_classes()) else (),
        timm_config=config,
        repository=config["hf_hub_id"] or "",
        files=(config["hf_hub_filename"],) if config["hf_hub_filename"] else ("model.safetensors", "pytorch_model.bin"),
    )


def _imagenet_classes() -> tuple[str, ...]:
    return tuple(torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
