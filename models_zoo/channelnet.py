"""ChannelNet v1, v2 and v3: networks that also convolve along the channels.

Gao, Wang, Ji: "ChannelNets: Compact and Efficient Convolutional Neural Networks via Channel-Wise
Convolutions", NeurIPS 2018. MobileNet v1 with three replacements:

- v1: its five widest blocks are a group module and two group channel-wise modules. They work in two groups
  of channels; a *group channel-wise convolution* (section 3.3) lets the groups exchange information. It has one
  filter of 8 channels a group and moves along the channels by 2.
- v2: also the 1x1 convolution of the last block is a single filter of 64 that moves along the channels
  (*depthwise separable channel-wise convolution*, section 3.4).
- v3: also average pooling and the class layer are convolutions over rows, columns and channels
  (*convolutional classification layer*, section 3.5).

Parameters with 1,000 classes: 3,714,376, 2,665,864 and 1,668,539; the paper has 3.7, 2.7 and 1.7 million.

What differs, or had to be decided:
- Every convolution but the channel-wise ones of the modules is followed by BatchNorm and ReLU6, as in MobileNet;
  the authors' code has BatchNorm after the 1x1 convolutions only, and leaky ReLU.
- The class layer follows the authors' code: three depthwise 3x3 convolutions, each followed by one filter of 3x3x9.
  The paper's text has one filter of 7x7x25 instead, and the network would have 1,642,089 parameters: not 1.7 million.
  For other image sizes and class counts the three filters share what there is to take away. It takes away
  channels, so v3 has at most 1,024 classes, and its size depends on the image's.

A convolution along the channels reads them in order: taking one away would shift all others past the filter. So
the channels that one reads or writes have to stay, and a plan prunes the others (see the tests).
"""

from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn

from models_zoo.architecture import Architecture, UnfitInputError

_GROUPS = 2
_GROUP_FILTER = 4 * _GROUPS
_LAST_FILTER = 64
_STRIDE = 32
"""The last feature map has ceil(image size / 32) pixels."""


class ChannelWise(nn.Module):
    """Filters of ``size`` channels that move along the channels by ``filters`` and see one pixel at a time.

    Each of the ``filters`` gives ``channels / filters`` channels.
    """

    def __init__(self, *, filters: int, size: int) -> None:
        super().__init__()
        around = size - filters  # zeros at both ends, so that every filter stops channels / filters times
        self.pad = nn.ConstantPad3d((0, 0, 0, 0, around // 2, around - around // 2), 0.0)
        self.conv = nn.Conv3d(1, filters, (size, 1, 1), stride=(filters, 1, 1), bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape: first all channels of the first filter, then of the second."""
        return self.conv(self.pad(features.unsqueeze(1))).flatten(1, 2)


def _normalised(*layers: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU6())


def _depthwise(channels: int, *, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False)
    return _normalised(conv, channels=channels)


def _separable(in_channels: int, out_channels: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A depthwise 3x3 and a 1x1 convolution."""
    conv = nn.Conv2d(in_channels, out_channels, 1, groups=groups, bias=False)
    return nn.Sequential(_depthwise(in_channels, stride=stride), _normalised(conv, channels=out_channels))


class GroupModule(nn.Module):
    """Two separable convolutions in groups, each with a shortcut around it, and one around both.

    With ``exchange``, a group channel-wise convolution comes first.
    """

    def __init__(self, channels: int, *, exchange: bool) -> None:
        super().__init__()
        self.exchange = ChannelWise(filters=_GROUPS, size=_GROUP_FILTER) if exchange else nn.Identity()
        self.first = _separable(channels, channels, groups=_GROUPS)
        self.second = _separable(channels, channels, groups=_GROUPS)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        inner = self.exchange(features)
        inner = inner + self.first(inner)
        inner = inner + self.second(inner)
        return features + inner


class ConvolutionalClassifier(nn.Module):
    """Class scores by convolutions over rows, columns and channels, down to one pixel and K channels."""

    def __init__(self, channels: int, *, classes: int, pixels: int) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for size, depth in zip(_thirds(pixels - 1), _thirds(channels - classes), strict=True):
            depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
            steps += [
                nn.Sequential(depthwise, nn.ReLU6()),
                nn.Conv3d(1, 1, (depth + 1, size + 1, size + 1), bias=False),
            ]
            channels -= depth
        self.steps = nn.ModuleList(steps)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to logits (B, K)."""
        *between, last = self.steps
        for step in between:
            features = _along_channels(step, features).relu() if isinstance(step, nn.Conv3d) else step(features)
        return _along_channels(last, features).flatten(1)


def _along_channels(conv: nn.Module, features: Tensor) -> Tensor:
    return conv(features.unsqueeze(1)).squeeze(1)


def _thirds(whole: int) -> tuple[int, int, int]:
    """A number as a sum of three that differ by 1 at most, the largest first."""
    return (whole + 2) // 3, (whole + 1) // 3, whole // 3


def _build(version: int, *, classes: int, channels: int, image_size: int) -> nn.Module:
    """A ChannelNet; ``UnfitInputError`` for v3 with more classes than it has channels."""
    width = 1024
    if version == 3 and classes > width:
        raise UnfitInputError(f"channelnet_v3 has at most {width} classes, got {classes}: try channelnet_v2")
    stem = nn.Conv2d(channels, 32, 3, stride=2, padding=1, bias=False)
    last: nn.Module = _separable(width, width)
    if version >= 2:
        along = ChannelWise(filters=1, size=_LAST_FILTER)
        last = nn.Sequential(_depthwise(width), _normalised(along, channels=width))
    head: nn.Module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
    if version == 3:
        head = ConvolutionalClassifier(width, classes=classes, pixels=-(-image_size // _STRIDE))
    network = nn.Sequential(
        _normalised(stem, channels=32),
        _separable(32, 64),
        _separable(64, 128, stride=2),
        _separable(128, 128),
        _separable(128, 256, stride=2),
        _separable(256, 256),
        _separable(256, 512, stride=2),
        GroupModule(512, exchange=False),
        GroupModule(512, exchange=True),
        GroupModule(512, exchange=True),
        _separable(512, width, stride=2),
        last,
        head,
    )
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network


CHANNELNETS: Mapping[str, Architecture] = {
    f"channelnet_v{version}": Architecture(
        "ChannelNet", partial(_build, version), min_size=16, small_size=64, parameters=parameters
    )
    for version, parameters in {1: 3_714_376, 2: 2_665_864, 3: 1_668_539}.items()
}
