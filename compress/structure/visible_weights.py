"""A copy of a network with ordinary weights, so that a wrong cut shows in the output."""

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from compress.errors import UsageError
from compress.structure.remove import is_conclusive, logits_of, spread_of
from compress.tracing.forward_pass import running
from compress.tracing.layers import BatchNorm, Convolution, channel_axis
from exporters.module_copy import copy_module

NEGLIGIBLE = 1e-3
"""A parameter with no larger number hides all layers before it: a head or a residual branch that starts at zero."""


def with_visible_weights(network: nn.Module, images: Tensor, *, seed: int) -> nn.Module:
    """A copy in eval mode with ordinary weights: gates open, no branch at zero, signals of size 1.

    They are measured on images (B, C, H, W) and as many of noise. UsageError if the logits hardly depend on the image,
    or are not finite.
    """
    _check_finite(network, images)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(images.shape, generator=generator).to(images)
    mixed = torch.cat([images, noise])  # there may be one image only, or several that are alike
    for ordinary, centred in ((True, False), (True, True), (False, False)):
        found = copy_module(network).eval()
        if ordinary:
            _draw_constant_weights(found, generator)
            _normalise(found, mixed, centred=centred)
        logits = logits_of(found, mixed)
        if logits.isfinite().all() and is_conclusive(spread_of(logits), 0.0, largest=float(logits.abs().max())):
            return found
    raise UsageError(
        f"the network's output hardly depends on the image (by {spread_of(logits):.0e}, of values up to "
        f"{float(logits.abs().max()):.0e}), so the pruned network could not be checked; "
        "return the logits themselves, without a softmax"
    )


def _check_finite(network: nn.Module, images: Tensor) -> None:
    fails_B = ~logits_of(network, images).flatten(1).isfinite().all(dim=1)
    if not fails_B.any():
        return
    flat_B = images.flatten(1).amax(dim=1) == images.flatten(1).amin(dim=1)
    if bool((fails_B <= flat_B).all()):
        raise UsageError(
            f"the network gives NaN or infinity for {int(fails_B.sum())} of {len(images)} images, which are of one "
            "value each, such as black ones: add a small number, such as 1e-6, to what forward divides by, or remove "
            "these images"
        )
    raise UsageError(
        f"the network gives NaN or infinity for {int(fails_B.sum())} of {len(images)} images with its first weights: "
        "check the given weights, the preprocessing of the images, and what forward divides by"
    )


@torch.no_grad()
def _draw_constant_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights that initialisation set to zero or to one constant."""

    def around_one(like: Tensor) -> Tensor:
        return 0.5 + torch.rand(like.shape, generator=generator)

    for parameter in network.parameters():
        if parameter.numel() == 1:
            parameter.copy_(around_one(parameter))  # a gate
        elif parameter.numel() and parameter.abs().max() < NEGLIGIBLE:
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
        elif parameter.numel() and parameter.min() == parameter.max():
            parameter.copy_(around_one(parameter))
    for layer in network.modules():
        if isinstance(layer, BatchNorm) and layer.affine:
            layer.weight.copy_(around_one(layer.weight))


@torch.no_grad()
def _normalise(network: nn.Module, images: Tensor, *, centred: bool) -> None:
    """Scale every layer's weights to an output of size 1, and measure BatchNorm, in one forward pass.

    ``centred`` also makes biases such that outputs have a mean of 0: in a stack of LayerNorms and sums of branches, a
    part that is the same for all images would grow from block to block.
    """
    done: set[nn.Module] = set()

    def scale(layer: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
        values = output.movedim(channel_axis(layer, output.dim()), -1)
        values = values.reshape(-1, values.shape[-1])
        size = float(values.var(0, unbiased=False).mean().sqrt())
        if layer in done or not 0 < size < float("inf"):
            return None
        done.add(layer)
        if centred and isinstance(layer.bias, nn.Parameter):
            mean_C = values.mean(0)
            layer.bias.sub_(mean_C)
            output = output - mean_C.reshape(-1, *[1] * (output.dim() - 1 - channel_axis(layer, output.dim())))
        for parameter in layer.parameters(recurse=False):
            parameter.div_(size)
        return output / size

    with ExitStack() as undo:
        for layer in network.modules():
            if isinstance(layer, Convolution | nn.Linear) and "weight" in dict(layer.named_parameters(recurse=False)):
                undo.callback(layer.register_forward_hook(scale).remove)
            if isinstance(layer, BatchNorm) and layer.track_running_stats:
                layer.reset_running_stats()
                layer.momentum = None  # an average
                layer.train()
        with running("the network does not run with other weights"):
            network(images)
    network.eval()
