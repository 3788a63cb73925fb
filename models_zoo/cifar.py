"""The field's benchmark networks for images of 32 pixels: ResNet-20/32/56/110 and VGG-16 with BatchNorm.

He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2. A 3x3 convolution, three
stages of n blocks with 16, 32 and 64 filters, global average pooling, a linear layer: 6n + 2 layers. All shortcuts are
*option A*, without parameters: the first one of a stage takes every second pixel and adds channels of zeros. The
zeros come last, as in the authors' code for Torch.

Li, Kadav, Durdanovic, Samet, Graf: "Pruning Filters for Efficient ConvNets", ICLR 2017, table 2. The 13 convolutions of
VGG-16, each with BatchNorm; then 512 - 512 - classes, with BatchNorm between the two linear layers. This is the
VGG-16 of the pruning literature, which quotes 14.98 million parameters: the weights of the 15 layers. Global average
pooling replaces the last max pooling, as in later papers' code, so that images of other sizes fit.

With 10 classes and RGB images of 32 pixels (BatchNorm's parameters included):

    network          parameters   MACs
    resnet20            269,722    40,551,040
    resnet32            464,154    68,862,592
    resnet56            853,018   125,485,696
    resnet110         1,727,962   252,887,680
    vgg16_bn_cifar   14,987,722   313,463,808
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.architecture import Architecture

_SIZE = 32  # pixels of CIFAR's images
_RESNET_WIDTHS = (16, 32, 64)
_VGG_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def _conv3x3(in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)


class PaddedShortcut(nn.Module):
    """Option A: every ``stride``-th pixel, and channels of zeros behind the given ones."""

    def __init__(self, *, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, features: Tensor, *, channels: int) -> Tensor:
        """(B, C, H, W) to (B, channels, ceil(H / stride), ceil(W / stride))."""
        pixels = features[:, :, :: self.stride, :: self.stride]
        return F.pad(pixels, (0, 0, 0, 0, 0, channels - features.shape[1]))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut around them."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = _conv3x3(in_channels, out_channels, stride=stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.conv2 = _conv3x3(out_channels, out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = PaddedShortcut(stride=stride) if in_channels != out_channels else None

    def forward(self, features: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        inner = self.relu(self.bn1(self.conv1(features)))
        inner = self.bn2(self.conv2(inner))
        if self.shortcut is not None:
            features = self.shortcut(features, channels=inner.shape[1])
        return self.relu(features + inner)  # torch-pruning's graph reads a sum's width from its last operand


def _build_resnet(blocks: int, *, classes: int, channels: int, image_size: int) -> nn.Module:  # noqa: ARG001
    """A ResNet of three stages with so many blocks each, for images of any size; layers are named as torchvision's."""
    before = _RESNET_WIDTHS[0]
    layers: dict[str, nn.Module] = {
        "conv1": _conv3x3(channels, before),
        "bn1": nn.BatchNorm2d(before),
        "relu": nn.ReLU(),
    }
    for stage, width in enumerate(_RESNET_WIDTHS, start=1):
        first = BasicBlock(before, width, stride=1 if stage == 1 else 2)
        layers[f"layer{stage}"] = nn.Sequential(first, *(BasicBlock(width, width) for _ in range(blocks - 1)))
        before = width
    layers |= {"avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(before, classes)}
    return _initialised(nn.Sequential(OrderedDict(layers)))


def _build_vgg(*, classes: int, channels: int, image_size: int) -> nn.Module:  # noqa: ARG001
    """VGG-16 with BatchNorm, for images of any size that can be halved four times."""
    features: list[nn.Module] = []
    before = channels
    for stage in _VGG_STAGES:
        if features:
            features.append(nn.MaxPool2d(2))
        for width in stage:
            features += [_conv3x3(before, width), nn.BatchNorm2d(width), nn.ReLU()]
            before = width
    classifier = (nn.Linear(before, before), nn.BatchNorm1d(before), nn.ReLU(), nn.Linear(before, classes))
    layers: dict[str, nn.Module] = {
        "features": nn.Sequential(*features),
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "classifier": nn.Sequential(*classifier),
    }
    return _initialised(nn.Sequential(OrderedDict(layers)))


def _initialised(network: nn.Module) -> nn.Module:
    """Weights as in He et al. 2015 (ResNet's section 3.4): normal, variance 2 / fan-in; biases are 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    return network


def _network(family: str, build: partial[nn.Module], parameters: int) -> Architecture:
    return Architecture(family, build, min_size=16, small_size=_SIZE, full_size=_SIZE, parameters=parameters)


_BLOCKS = {"resnet20": (3, 334_072), "resnet32": (5, 528_504), "resnet56": (9, 917_368), "resnet110": (18, 1_792_312)}

CIFAR: Mapping[str, Architecture] = {
    **{
        name: _network("CIFAR ResNet", partial(_build_resnet, blocks), parameters)
        for name, (blocks, parameters) in _BLOCKS.items()
    },
    "vgg16_bn_cifar": _network("CIFAR VGG", partial(_build_vgg), 15_495_592),
}
