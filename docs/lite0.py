"""EfficientNet-Lite0 as its package builds it: an example for --model."""

from efficientnet_lite_pytorch import EfficientNet
from torch import nn


def build(num_classes: int) -> nn.Module:
    """The network with fresh weights."""
    return EfficientNet.from_name("efficientnet-lite0", num_classes=num_classes)
