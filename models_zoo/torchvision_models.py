"""Torchvision's 80 classifiers: its own builders, fitted to a number of classes, channels and an image size."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from models_zoo.architecture import Architecture
from models_zoo.torchvision_mend import torchvision

_SMALL_IMAGE = 64  # pixels; up to this size a ResNet gets the small-image stem (He et al. 2016, section 4.2)
_HEAD_BIAS = 2.0  # initial bias of SqueezeNet's class head, the same for every class
_SMALLEST = 16  # pixels, for networks that would even run on a single one
_INCEPTION_AUXILIARY = 3_326_696  # parameters of the auxiliary head, part of torchvision's published count


def _options(name: str, *, channels: int, image_size: int) -> dict[str, Any]:
    """Options of torchvision's builder.

    Auxiliary heads take part in training only, and a network has one output here. The published weights of their
    networks were made with pixels in another range; ``transform_input`` converts RGB images that are normalised as for
    every other network.
    """
    if name in ("googlenet", "inception_v3"):
        return {"aux_logits": False, "transform_input": channels == 3, "init_weights": False}
    if name.startswith("vit_"):
        return {"image_size": image_size}
    return {"input_size": (image_size, image_size)} if name.startswith("maxvit_") else {}


class _MNASNet(torchvision.models.MNASNet):
    """Torchvision's refuses a state dict without its version; ours are plain tensors of the newest."""

    def _load_from_state_dict(self, *arguments: Any) -> None:
        nn.Module._load_from_state_dict(self, *arguments)


def _build(name: str, *, classes: int, channels: int, image_size: int, small_image: int = _SMALL_IMAGE) -> nn.Module:
    models = torchvision.models
    network: nn.Module
    if name.startswith("mnasnet"):
        network = _MNASNet(float(name.removeprefix("mnasnet").replace("_", ".")), num_classes=classes)
    else:
        network = models.get_model(
            name, num_classes=classes, **_options(name, channels=channels, image_size=image_size)
        )
    if isinstance(network, models.SqueezeNet):
        # A ReLU follows the class head: a class whose logit is 0 for all images has no gradient and is never predicted.
        # With the bias at 0 that happened in 1 of 7 fresh trainings on Fashion-MNIST, from this bias on in none.
        nn.init.constant_(network.get_parameter("classifier.1.bias"), _HEAD_BIAS)
    if channels != 3:
        _replace_first_convolution(network, in_channels=channels)
    if isinstance(network, models.ResNet) and image_size <= small_image:
        network.conv1 = nn.Conv2d(channels, network.conv1.out_channels, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    return network


def _replace_first_convolution(network: nn.Module, *, in_channels: int) -> None:
    name, old = next((name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    size: dict[str, Any] = {name: getattr(old, name) for name in ("kernel_size", "stride", "padding")}
    new = nn.Conv2d(in_channels, old.out_channels, **size, bias=old.bias is not None)
    patches = old.stride == old.kernel_size  # they go into a linear embedding: no ReLU follows
    mode, follows = ("fan_in", "linear") if patches else ("fan_out", "relu")
    nn.init.kaiming_normal_(new.weight, mode=mode, nonlinearity=follows)  # type: ignore[arg-type]
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    with torch.no_grad():
        network.set_submodule(name, new)


def _family(
    family: str,
    names: str,
    *,
    min_size: int = _SMALLEST,
    small_size: int = 64,
    full_size: int = 224,
    **more: int,
) -> dict[str, Architecture]:
    """The networks of a family, and the sizes they share (see ``Architecture``)."""
    return {
        name: Architecture(
            family,
            partial(_build, name),
            min_size,
            small_size,
            full_size,
            _documented_parameters(name, full_size),
            build_published=partial(_build, name, small_image=0),
            **more,
        )
        for name in names.split()
    }


def _documented_parameters(name: str, full_size: int) -> int:
    """Parameters as torchvision publishes them beside the weights for images of that size."""
    counts = [
        weights.meta["num_params"]
        for weights in torchvision.models.get_model_weights(name)
        if weights.meta["min_size"][0] <= full_size  # a ViT for larger images has more position embeddings
    ]
    return min(counts) - (_INCEPTION_AUXILIARY if name == "inception_v3" else 0)


_EFFICIENTNETS = {  # each has its own size for photographs, pixels (Tan and Le 2019 and 2021)
    **{"b0": 224, "b1": 240, "b2": 288, "b3": 300, "b4": 380, "b5": 456, "b6": 528, "b7": 600},
    **{"v2_s": 384, "v2_m": 480, "v2_l": 480},
}

TORCHVISION: Mapping[str, Architecture] = {
    **_family("AlexNet", "alexnet", min_size=63),
    **_family("SqueezeNet", "squeezenet1_0", min_size=21, small_size=48),
    **_family("SqueezeNet", "squeezenet1_1", min_size=17, small_size=48),
    **_family("ResNet", "resnet18 resnet34 resnet50 resnet101 resnet152", small_size=32, paper_size=32),
    **_family("Wide ResNet", "wide_resnet50_2 wide_resnet101_2", small_size=32),
    **_family("ResNeXt", "resnext50_32x4d resnext101_32x8d resnext101_64x4d", small_size=32),
    **_family("VGG", "vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn", min_size=32, small_size=32),
    **_family("DenseNet", "densenet121 densenet161 densenet169 densenet201", min_size=29),
    **_family("GoogLeNet", "googlenet"),
    **_family("Inception", "inception_v3", min_size=75, small_size=80, full_size=299),
    **_family("MobileNet", "mobilenet_v2 mobilenet_v3_small mobilenet_v3_large"),
    **_family("MNASNet", "mnasnet0_5 mnasnet0_75 mnasnet1_0 mnasnet1_3"),
    **_family("ShuffleNet", "shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0"),
    **{
        name: network
        for model, size in _EFFICIENTNETS.items()
        for name, network in _family("EfficientNet", f"efficientnet_{model}", full_size=size).items()
    },
    **_family(
        "RegNet",
        "regnet_x_400mf regnet_x_800mf regnet_x_1_6gf regnet_x_3_2gf regnet_x_8gf regnet_x_16gf regnet_x_32gf "
        "regnet_y_400mf regnet_y_800mf regnet_y_1_6gf regnet_y_3_2gf regnet_y_8gf regnet_y_16gf regnet_y_32gf "
        "regnet_y_128gf",
    ),
    **_family("ConvNeXt", "convnext_tiny convnext_small convnext_base convnext_large", min_size=32),
    **_family("ViT", "vit_b_16 vit_l_16", min_size=16, multiple_of=16),
    **_family("ViT", "vit_b_32 vit_l_32", min_size=32, multiple_of=32),
    **_family("ViT", "vit_h_14", min_size=14, small_size=56, multiple_of=14),
    # Smaller images are padded to whole windows: attention, which is not pruned, then takes more than half of the MACs.
    **_family("Swin", "swin_t swin_s swin_b", small_size=224),
    **_family("Swin", "swin_v2_t swin_v2_s swin_v2_b", small_size=256, full_size=256),
    **_family("MaxViT", "maxvit_t", min_size=224, small_size=224, multiple_of=224),
}
"""Name -> network, for every name of ``torchvision.models.list_models(module=torchvision.models)``."""
