"""A network that is nothing like torchvision's, for docs/own-network.md: two branches, and a convolution answers."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Gate(nn.Module):
    """Squeeze and excitation, written by hand: every channel is scaled by what the whole image says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 16, 1), nn.Conv2d(16, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of feature maps (B, C, H, W)."""
        squeezed = functional.relu(self.down(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.up(squeezed))


class TwoBranches(nn.Module):
    """A coarse branch goes down and comes up again, a fine one is convolved in groups; they are joined."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.down = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.gate = Gate(64)
        self.up = nn.ConvTranspose2d(64, 32, 2, stride=2)
        self.fine = nn.Conv2d(32, 32, 3, padding=1, groups=4)
        self.norm = nn.GroupNorm(8, 32)
        self.point = nn.Conv2d(32, 32, 1)
        self.mix = nn.Sequential(nn.Conv2d(64, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU())
        self.head = nn.Conv2d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of RGB images (B, 3, H, W), H and W multiples of 4."""
        x = self.stem(x)
        coarse = functional.relu(self.up(self.gate(functional.relu(self.down(x)))))
        fine = functional.relu(self.point(functional.gelu(self.norm(self.fine(x)))))
        return self.head(self.mix(torch.cat([x + coarse, fine], 1))).mean((2, 3))


def build(num_classes: int) -> nn.Module:
    """A new network with fresh weights."""
    return TwoBranches(num_classes)
