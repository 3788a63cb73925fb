"""Build a user's network, and check before any training that it is a classifier."""

import copy
import inspect
import io
import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.errors import UsageError
from compress.networks.own_code import OwnCode, explaining

BATCH = 4
CLOSE = 1e-4
"""Largest difference between equal logits, as a share of the largest: rounding depends on the batch size."""


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


def build_own(code: OwnCode, name: str, *, classes: int, channels: int, image_size: int) -> nn.Module:
    """A network from ``call_build``, with fresh weights from torch's global random generator."""
    network = call_build(code, name, classes)
    with explaining(f"{name} on images of {image_size} x {image_size} pixels"):
        if any(nn.parameter.is_lazy(value) for value in (*network.parameters(), *network.buffers())):
            predict(network, Images(image_size, channels, classes).batch())  # lazy layers learn their shape
    return network.train()


def examine(code: OwnCode, name: str, images: Images) -> tuple[str, ...]:
    """Check that a network which takes these images is a classifier that can be trained, saved and rebuilt.

    If it is not, a ``UsageError`` with the network's ``name`` says what to change. Returns notes on properties that are
    unusual but work.
    """
    batch = images.batch()
    network = _seeded(code, name, images, seed=0)
    _check_new(name, network, _seeded(code, name, images, seed=0))
    _check_extra_state(name, network)
    other = _seeded(code, name, images, seed=1)
    with explaining(name):
        before = batch.clone()
        logits = predict(network, batch)
        _check_logits(name, images, logits)
        if not torch.equal(before, batch):
            raise UsageError(f"{name} changes its input in place: try x = x.op(...) for x.op_(...) on the images")
        _check_outputs(name, network, other, batch, logits)
        _check_copies(name, network)
        _check_trains(name, other, batch, images.classes)
    rows = logits.sum(dim=1)
    if bool((logits >= 0).all()) and torch.allclose(rows, torch.ones_like(rows), atol=1e-4):
        return (f"{name} seems to end in a softmax: it learns better without, as the loss takes logits",)
    return ()


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
    state = _tensors(network)
    return tuple(name for name, value in state.items() if value.ndim and name.rpartition(".")[0] in heads)


def call_build(code: OwnCode, name: str, classes: int) -> nn.Module:
    """The network from the user's function, on the CPU; lazy layers have no shape yet.

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
    if isinstance(network, torch.jit.ScriptModule):
        raise UsageError(f"{call}: a scripted network cannot be cut; return the module before torch.jit.script")
    others = {str(p.dtype) for p in network.parameters()} - {"torch.float32"}
    if others:
        raise UsageError(f"{call}: expected weights of torch.float32, got {', '.join(sorted(others))}; try .float()")
    return network.cpu()


def predict(network: nn.Module, batch: Tensor) -> Tensor:
    """A network's output for images, in evaluation mode; without gradients."""
    with torch.no_grad():
        return network.eval()(batch)


def _seeded(code: OwnCode, name: str, images: Images, *, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return build_own(code, name, classes=images.classes, channels=images.channels, image_size=images.size)


def _check_new(name: str, network: nn.Module, again: nn.Module) -> None:
    """Check that two calls build two networks with equal weights, all drawn from torch's generator."""
    first, second = _tensors(network), _tensors(again)
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


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """A network's state without what its modules' ``get_extra_state`` gives."""
    return {key: value for key, value in network.state_dict().items() if isinstance(value, Tensor)}


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
            "return the logits alone from forward (a network with several heads is no classifier)"
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
    allowed = CLOSE * max(1.0, float(logits.abs().max()))
    for fault, output in faults.items():
        if not torch.allclose(output, logits, rtol=0, atol=allowed):
            raise UsageError(fault)


def _check_copies(name: str, network: nn.Module) -> None:
    try:
        copy.deepcopy(network)
    except MemoryError:
        raise
    except Exception as error:
        raise UsageError(
            f"{name} cannot be copied with copy.deepcopy{_uncopied(network)}: {error}; "
            "make it in forward, or keep it outside the network"
        ) from error


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


def _check_trains(name: str, network: nn.Module, batch: Tensor, classes: int) -> None:
    with torch.enable_grad():
        loss = functional.cross_entropy(network.train()(batch), torch.arange(len(batch)) % classes)
        if not loss.requires_grad:
            raise UsageError(f"{name} cannot be trained: its logits depend on no parameter that takes gradients")
        loss.backward()
