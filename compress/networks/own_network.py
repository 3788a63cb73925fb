"""Build a user's network, as a run trains, copies and saves it."""

import inspect
import itertools
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from compress.errors import UsageError
from compress.networks.adopt import take_logits, tie_shared_memory, unwrap
from compress.networks.own_code import OwnCode, explaining

BATCH = 4


@dataclass(frozen=True)
class Images:
    """Side of the images in pixels, their channels, and the number of classes."""

    size: int
    channels: int
    classes: int

    def batch(self) -> Tensor:
        """Random images (BATCH, C, H, W), always the same ones."""
        shape = (BATCH, self.channels, self.size, self.size)
        return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


class Built(NamedTuple):
    """A user's network, and notes on what was changed in it."""

    network: nn.Module
    notes: tuple[str, ...]


def build_own(code: OwnCode, name: str, *, classes: int, channels: int, image_size: int) -> nn.Module:
    """A network from ``call_build``, with fresh weights from torch's global random generator."""
    return build_noted(code, name, Images(image_size, channels, classes)).network


def build_noted(code: OwnCode, name: str, images: Images) -> Built:
    """The network of ``build_own``, and notes on what was changed in it."""
    network, notes = call_build(code, name, images.classes)
    with explaining(f"{name} on images of {images.size} x {images.size} pixels"):
        if any(nn.parameter.is_lazy(value) for value in (*network.parameters(), *network.buffers())):
            predict(network, images.batch())  # lazy layers learn their shape
    tied = [f"{pair} share their memory: they are one parameter here" for pair in tie_shared_memory(network, name)]
    network.register_forward_hook(take_logits)
    return Built(network.train(), (*notes, *(f"{name}: {note}" for note in tied)))


def own_head(network: nn.Module, images: Images) -> tuple[str, ...]:
    """Names of the tensors of the last layers in a forward pass that are as wide as the number of classes."""
    widths: list[tuple[str, int]] = []  # of the layers' outputs, in the order of the forward pass

    def record(name: str, output: object) -> None:
        widths.append((name, output.shape[1] if isinstance(output, Tensor) and output.ndim > 1 else 0))

    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, output, name=name: record(name, output))
        for name, layer in network.named_modules()
        if list(layer.parameters(recurse=False))
    ]
    training = network.training
    try:
        predict(network, images.batch().to(next(network.parameters())))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    last = itertools.takewhile(lambda width: width[1] == images.classes, reversed(widths))
    heads = {name for name, _width in last}
    state = tensors_of(network)
    return tuple(name for name, value in state.items() if value.ndim and name.rpartition(".")[0] in heads)


def call_build(code: OwnCode, name: str, classes: int) -> Built:
    """The network from the user's function, without wrappers, on the CPU; lazy layers have no shape yet.

    ``UsageError`` if the function cannot be called with ``classes`` alone, fails, or does not return a network.
    """
    call = f"{name}({classes})"
    try:
        inspect.signature(code.build).bind(classes)
    except TypeError as error:
        raise UsageError(f"{call}: it has to take the number of classes alone, build(num_classes); {error}") from None
    except ValueError:  # a builtin: it has no signature
        pass
    with explaining(call):
        network = code.build(classes)
    if not isinstance(network, nn.Module):
        raise UsageError(f"{call}: expected a torch.nn.Module, got {type(network).__name__}; it has to return one")
    network, removed = unwrap(network)
    if isinstance(network, torch.jit.ScriptModule):
        raise UsageError(f"{call}: a scripted network cannot be cut; return the module before torch.jit.script")
    others = {str(p.dtype) for p in network.parameters()} - {"torch.float32"}
    if others:
        raise UsageError(f"{call}: expected weights of torch.float32, got {', '.join(sorted(others))}; try .float()")
    notes = (f"{name} is taken out of {', '.join(removed)}",) if removed else ()
    return Built(network.cpu(), notes)


def predict(network: nn.Module, batch: Tensor) -> Tensor:
    """A network's output for images, in evaluation mode; without gradients."""
    with torch.no_grad():
        return network.eval()(batch)


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """A network's state without what its modules' ``get_extra_state`` gives."""
    return {key: value for key, value in network.state_dict().items() if isinstance(value, Tensor)}
