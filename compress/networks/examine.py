"""Check before any training that a user's network is a classifier that can be trained, copied, saved and rebuilt."""

import copy
import io
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.errors import UsageError
from compress.networks.memory import takes_channels_last
from compress.networks.own_code import OwnCode, explaining
from compress.networks.own_network import BATCH, Built, Images, build_noted, predict, tensors_of
from exporters.module_copy import copy_module

CLOSE = 1e-4
"""Largest difference between equal logits, as a share of the largest: rounding depends on the batch size."""


class Examined(NamedTuple):
    """Notes on what is unusual but works, and whether the network's code takes tensors that are channels last."""

    notes: tuple[str, ...]
    channels_last: bool


def examine(code: OwnCode, name: str, images: Images) -> Examined:
    """Check that a network which takes these images is a classifier that can be trained, saved and rebuilt.

    If it is not, a ``UsageError`` with the network's ``name`` says what to change.
    """
    batch = images.batch()
    network, notes = _seeded(code, name, images, seed=0)
    _check_new(name, network, _seeded(code, name, images, seed=0).network)
    _check_extra_state(name, network)
    other = _seeded(code, name, images, seed=1).network
    with explaining(name):
        before = batch.clone()
        logits = predict(network, batch)
        _check_logits(name, images, logits)
        if not torch.equal(before, batch):
            raise UsageError(f"{name} changes its input in place: try x = x.op(...) for x.op_(...) on the images")
        _check_outputs(name, network, other, batch, logits)
        _check_trains(name, other, batch, images)
        copied = _check_copies(name, network, other, batch, logits)
        if not predict(network, torch.zeros_like(batch)).isfinite().all():
            notes = (
                *notes,
                f"{name} gives NaN or infinity for an image of one value, such as a black one, which divides by zero: "
                "add a small number, such as 1e-6, to what forward divides by",
            )
    channels_last = takes_channels_last(copied, batch, logits, within=allowed_difference(logits))
    if not channels_last:
        notes = (
            *notes,
            f"{name} is trained in torch's default memory layout: its code does not take channels_last, which is "
            "faster; x.flatten(1) or x.reshape(...) take it where x.view(...) does not",
        )
    rows = logits.sum(dim=1)
    if bool((logits >= 0).all()) and torch.allclose(rows, torch.ones_like(rows), atol=1e-4):
        notes = (*notes, f"{name} seems to end in a softmax: it learns better without, as the loss takes logits")
    return Examined(notes, channels_last)


def _seeded(code: OwnCode, name: str, images: Images, *, seed: int) -> Built:
    torch.manual_seed(seed)
    return build_noted(code, name, images)


def allowed_difference(logits: Tensor) -> float:
    """Largest difference between logits (B, K) and those of an equal network."""
    return CLOSE * max(1.0, float(logits.abs().max()))


def _check_new(name: str, network: nn.Module, again: nn.Module) -> None:
    """Check that two calls build two networks with equal weights, all drawn from torch's generator."""
    first, second = tensors_of(network), tensors_of(again)
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


def _check_extra_state(name: str, network: nn.Module) -> None:
    """Check that what is no tensor in the state is plain data: a run folder makes no code run."""
    others = {key: value for key, value in network.state_dict().items() if not isinstance(value, Tensor)}
    for key, value in others.items():
        stream = io.BytesIO()
        try:
            torch.save(value, stream)
            stream.seek(0)
            torch.load(stream, weights_only=True)
        except Exception as error:  # whatever an object raises that cannot be saved
            raise UsageError(
                f"{name}: get_extra_state ({key}) gives a {type(value).__name__} that cannot be saved as data: "
                "try numbers, text, lists, dicts and tensors"
            ) from error


def _check_logits(name: str, images: Images, logits: object) -> None:
    expected = (BATCH, images.classes)
    if not isinstance(logits, Tensor):
        raise UsageError(
            f"{name}: expected logits, one tensor {expected}, got {type(logits).__name__}: "
            "return the logits alone from forward, in training as in evaluation: leave auxiliary heads out, as "
            "aux_logits=False does in torchvision's networks"
        )
    if tuple(logits.shape) != expected:
        hint = "build(num_classes) has to make a head of num_classes"
        if logits.ndim != 2:
            hint = "forward has to end in one row an image, as pooling and x.flatten(1) give"
        raise UsageError(
            f"{name}: expected logits {expected} from {BATCH} images and {images.classes} classes, "
            f"got {tuple(logits.shape)}: {hint}"
        )
    if logits.dtype != torch.float32 or not bool(logits.isfinite().all()):
        raise UsageError(f"{name}: expected finite logits of torch.float32, got {logits.dtype}, or NaN or infinity")


def _check_outputs(name: str, network: nn.Module, other: nn.Module, batch: Tensor, logits: Tensor) -> None:
    """Check that the output depends only on each image and on the saved weights."""
    other.load_state_dict(network.state_dict())
    faults = {
        f"{name} gives different logits for the same images in evaluation mode: F.dropout needs "
        "training=self.training, and noise has no place there": predict(network, batch),
        f"{name}: its logits for an image depend on the other images in the batch: reshape with x.flatten(1), and let "
        "BatchNorm track its running statistics": torch.cat([predict(network, image[None]) for image in batch]),
        f"{name} gives different logits after its state_dict was loaded into a second one: keep every tensor that it "
        "uses as a parameter or with register_buffer": predict(other, batch),
    }
    for fault, output in faults.items():
        if not torch.allclose(output, logits, rtol=0, atol=allowed_difference(logits)):
            raise UsageError(fault)


def _check_copies(name: str, network: nn.Module, trained: nn.Module, batch: Tensor, logits: Tensor) -> nn.Module:
    """A copy of a trained network, with the other one's weights: it must answer as that does. ``trained`` is spent."""
    try:
        copied = copy_module(trained)
    except MemoryError:
        raise
    except Exception as error:
        raise UsageError(
            f"{name} cannot be copied with copy.deepcopy{_uncopied(trained)}: {error}; "
            "make it in forward, or keep it outside the network"
        ) from error
    copied.load_state_dict(network.state_dict())
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.zero_()
    if not torch.allclose(predict(copied, batch), logits, rtol=0, atol=allowed_difference(logits)):
        raise UsageError(
            f"{name}: a copy of it (copy.deepcopy) does not answer by its own weights: a function or an object in it "
            "holds the weights of the first; use self in forward, and no lambda or bound method kept from __init__"
        )
    return copied


def _uncopied(network: nn.Module) -> str:
    """The attribute that cannot be copied, if one alone fails."""
    for place, module in network.named_modules():
        for key, value in vars(module).items():
            try:
                if key != "_modules":
                    copy.deepcopy(value)
            except Exception:  # whatever an object raises that is not made to be copied
                return f" because of self.{'.'.join(filter(None, (place, key)))}, a {type(value).__name__}"
    return ""


def _check_trains(name: str, network: nn.Module, batch: Tensor, images: Images) -> None:
    with torch.enable_grad():
        logits = network.train()(batch)
        _check_logits(f"{name} in training mode", images, logits)
        if not logits.requires_grad:
            raise UsageError(f"{name} cannot be trained: its logits depend on no parameter that takes gradients")
        functional.cross_entropy(logits, torch.arange(len(batch)) % images.classes).backward()
