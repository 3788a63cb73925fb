"""A user's network, built and tried out before anything is trained: what it takes, and whether it is a classifier."""

import copy
import inspect
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.errors import UsageError
from compress.own_code import OwnCode, explaining, told

SIZES = (28, 32, 48, 64, 96, 128, 224)
"""Image sizes (pixels) that are tried where a network does not take the data's."""

BATCH = 4
CLOSE = 1e-4
"""Answers this close, in proportion to the largest, are the same: float32 rounds otherwise in another batch size."""


@dataclass(frozen=True)
class Images:
    """What a network is to be fed and asked: pixels a side, channels, classes.

    ``any_channels``: another number of channels would do as well.
    """

    size: int
    channels: int
    classes: int
    any_channels: bool = True

    def batch(self, *, size: int | None = None, channels: int | None = None) -> Tensor:
        """Random images (BATCH, C, H, W), always the same ones."""
        side = size or self.size
        return torch.randn(BATCH, channels or self.channels, side, side, generator=torch.Generator().manual_seed(0))


def build_own(code: OwnCode, name: str, *, classes: int, channels: int, image_size: int) -> nn.Module:
    """Call the user's function; fresh weights come from torch's global random generator.

    Raises:
        UsageError: it cannot be called so, fails, or gives something else than a network.
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
        if any(nn.parameter.is_lazy(value) for value in (*network.parameters(), *network.buffers())):
            with torch.no_grad():  # lazy layers learn their shape from the first image
                network.eval()(Images(image_size, channels, classes).batch())
                network.train()
    others = {str(p.dtype) for p in network.parameters()} - {"torch.float32"}
    if others:
        raise UsageError(f"{call}: expected weights of torch.float32, got {', '.join(sorted(others))}; try .float()")
    return network


def fitting_channels(code: OwnCode, name: str, images: Images) -> int:
    """How many channels the network takes: the images' own, or else the other of 1 and 3.

    Raises:
        UsageError: it takes neither at this image size.
    """
    try:
        _answers(_built(code, name, images), images.batch())
        return images.channels
    except (UsageError, MemoryError):
        raise
    except Exception as error:
        other = 1 if images.channels == 3 else 3
        if images.any_channels and _takes(code, name, images, images.size, other):
            return other
        raise UsageError(_unfit(code, name, images, error)) from error


def examine(code: OwnCode, name: str, images: Images) -> tuple[str, ...]:
    """Check that a network which takes these images is a classifier that can be trained, saved and rebuilt.

    Args:
        code: the function that builds it.
        name: what it is called.
        images: what it is fed.

    Returns:
        Notes: what is odd, but works.

    Raises:
        UsageError: it is none; the message says what to change.
    """
    batch = images.batch()
    torch.manual_seed(0)
    network = _built(code, name, images)
    torch.manual_seed(0)
    again = _built(code, name, images)
    _check_new(name, network, again)
    with explaining(name):
        before = batch.clone()
        logits = _answers(network, batch)
        _check_logits(name, images, logits)
        if not torch.equal(before, batch):
            raise UsageError(f"{name} changes its input in place: try x = x.op(...) for x.op_(...) on the images")
        _check_answers(name, network, again, batch, logits)
        _check_trains(name, again, batch, images.classes)
    rows = logits.sum(dim=1)
    if bool((logits >= 0).all()) and torch.allclose(rows, torch.ones_like(rows), atol=1e-4):
        return (f"{name} seems to end in a softmax: it learns better without, for the loss takes logits",)
    return ()


def _built(code: OwnCode, name: str, images: Images) -> nn.Module:
    return build_own(code, name, classes=images.classes, channels=images.channels, image_size=images.size).cpu()


def _answers(network: nn.Module, batch: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval()(batch)


def _takes(code: OwnCode, name: str, images: Images, size: int, channels: int) -> bool:
    try:
        _answers(_built(code, name, Images(size, channels, images.classes)), images.batch(size=size, channels=channels))
        return True
    except Exception:  # whatever a network raises on images that it was not made for
        return False


def _unfit(code: OwnCode, name: str, images: Images, error: Exception) -> str:
    colour = {1: "grey", 3: "RGB"}[images.channels]
    said = f"{name} does not take {colour} images of {images.size} x {images.size} pixels:\n{told(error)}\n"
    channels = (images.channels, 4 - images.channels) if images.any_channels else (images.channels,)
    for count in channels:
        sizes = [size for size in SIZES if _takes(code, name, images, size, count)]
        if sizes:
            worked = ", ".join(map(str, sizes))
            return f"{said}It takes images of {worked} pixels: try --image-size {sizes[0]}"
    return f"{said}Nor does it take any of {', '.join(map(str, SIZES))} pixels with 1 or 3 channels"


def _check_new(name: str, network: nn.Module, again: nn.Module) -> None:
    """Two calls give two networks with the same weights: all of them from torch's random numbers."""
    first, second = network.state_dict(), again.state_dict()
    places = {value.data_ptr() for value in first.values() if value.numel()}
    if network is again or any(value.data_ptr() in places for value in second.values() if value.numel()):
        raise UsageError(f"{name}: two calls give the same weights in memory: it has to build a new network each time")
    if first.keys() != second.keys() or any(first[key].shape != second[key].shape for key in first):
        raise UsageError(f"{name}: two calls give networks of different layers: it has to build the same one each time")
    other = [key for key in first if not torch.equal(first[key], second[key])]
    if other:
        raise UsageError(
            f"{name}: two calls with the same torch.manual_seed give other weights in {other[0]}: "
            "draw them with torch (numpy's and Python's random numbers are not seeded), or load them from a file"
        )


def _check_logits(name: str, images: Images, logits: object) -> None:
    expected = (BATCH, images.classes)
    if not isinstance(logits, Tensor):
        raise UsageError(
            f"{name}: expected logits, one tensor {expected}, got {type(logits).__name__}: "
            "return the logits alone from forward (a network with several heads is no classifier)"
        )
    if tuple(logits.shape) != expected:
        hint = "build(num_classes) has to make a head of num_classes"
        if logits.ndim != 2 or len(logits) != BATCH:
            hint = "forward has to end in one row an image, as x.flatten(1) and a linear layer give"
        raise UsageError(
            f"{name}: expected logits {expected} from {BATCH} images and {images.classes} classes, "
            f"got {tuple(logits.shape)}: {hint}"
        )
    if logits.dtype != torch.float32 or not bool(logits.isfinite().all()):
        raise UsageError(f"{name}: expected finite logits of torch.float32, got {logits.dtype}, or NaN or infinity")


def _check_answers(name: str, network: nn.Module, again: nn.Module, batch: Tensor, logits: Tensor) -> None:
    """What it answers depends on each image and on the weights that are saved, and on nothing else."""
    if _differ(_answers(network, batch), logits):
        raise UsageError(
            f"{name} answers differently to the same images in evaluation mode: "
            "F.dropout needs training=self.training, and noise has no place there"
        )
    if _differ(torch.cat([_answers(network, image.unsqueeze(0)) for image in batch]), logits):
        raise UsageError(
            f"{name}: its answer to an image depends on the other images in the batch: "
            "reshape with x.flatten(1), and let BatchNorm track its running statistics"
        )
    again.load_state_dict(copy.deepcopy(network.state_dict()))
    if _differ(_answers(again, batch), logits):
        raise UsageError(
            f"{name} answers differently after its state_dict was loaded into a second one: "
            "keep every tensor that it uses as a parameter or with register_buffer"
        )


def _differ(one: Tensor, other: Tensor) -> bool:
    return not torch.allclose(one, other, rtol=0, atol=CLOSE * max(1.0, float(other.abs().max())))


def _check_trains(name: str, network: nn.Module, batch: Tensor, classes: int) -> None:
    with torch.enable_grad():
        loss = functional.cross_entropy(network.train()(batch), torch.arange(len(batch)) % classes)
        if not loss.requires_grad:
            raise UsageError(f"{name} cannot be trained: its logits depend on no parameter that takes gradients")
        loss.backward()
