"""How a network's weights and images lie in memory: channels last wherever its code allows that."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from exporters.errors import is_out_of_memory


def to_channels_last(network: nn.Module) -> nn.Module:
    """The same network with its weights channels last: 1.3 to 3 times faster to train on CPUs than the default."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.dim() == 4:  # Module.to would also try this layout on the weights of a 3-D convolution, and fail
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
    return network


def takes_channels_last(network: nn.Module, images: Tensor, logits: Tensor, *, within: float) -> bool:
    """Whether a network gives its ``logits`` (B, K) for images (B, C, H, W) in that layout too, and trains a step.

    ``x.view(len(x), -1)`` for one fails on feature maps. The network is changed.
    """
    laid_out = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    to_channels_last(network)
    try:
        with torch.no_grad():
            same = torch.allclose(network.eval()(laid_out), logits, rtol=0, atol=within)
        with torch.enable_grad():
            trained = network.train()(laid_out)
            functional.cross_entropy(trained, torch.zeros(len(trained), dtype=torch.int64)).backward()
    except Exception as error:  # whatever the user's code raises; in the default layout it has run before
        if isinstance(error, MemoryError) or is_out_of_memory(str(error)):
            raise
        return False
    return same
