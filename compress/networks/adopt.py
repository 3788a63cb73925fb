"""A user's network as this package takes it: without wrappers, tied where memory is shared, logits as its output."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from compress.errors import UsageError


def unwrap(network: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """The network inside DataParallel, torch.compile and the like, also where its parts are wrapped; what was removed.

    These say how a network runs, not what it computes.
    """
    removed: dict[str, None] = {}

    def inside(module: nn.Module) -> nn.Module:
        while (inner := wrapped_by(module)) is not None:
            removed[type(module).__name__] = None
            module = inner
        return module

    network = inside(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if inside(child) is not child:
                setattr(module, name, inside(child))
        if getattr(module, "_compiled_call_impl", None) is not None:  # module.compile(), which wraps nothing
            module._compiled_call_impl = None
            removed["compile()"] = None
    return network, tuple(removed)


def wrapped_by(module: nn.Module) -> nn.Module | None:
    """The module that a wrapper runs; ``None`` for one that is no wrapper."""
    if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel, torch.optim.swa_utils.AveragedModel)):
        return module.module
    compiled = type(module).__name__ == "OptimizedModule"  # by name: the import of torch._dynamo takes seconds
    return module.get_submodule("_orig_mod") if compiled else None


def tie_shared_memory(network: nn.Module, name: str) -> tuple[str, ...]:
    """Make parameters that are the same memory one parameter, as a copy would part them; the names of each pair.

    UsageError where they share a part of it only, or with a buffer. ``name`` is the network's.
    """
    tied: list[str] = []
    owner: dict[tuple[Any, ...], tuple[str, nn.Parameter]] = {}
    for key, parameter in list(network.named_parameters(remove_duplicate=False)):
        if not _has_memory(parameter):
            continue
        place = (parameter.data_ptr(), parameter.shape, parameter.stride(), parameter.dtype, parameter.device)
        first, same = owner.setdefault(place, (key, parameter))
        if same is not parameter:
            module, _, leaf = key.rpartition(".")
            setattr(network.get_submodule(module), leaf, same)
            tied.append(f"{first} and {key}")
    _check_apart(network, name)
    return tuple(tied)


def _check_apart(network: nn.Module, name: str) -> None:
    ends: dict[bool, tuple[int, str]] = {True: (0, ""), False: (0, "")}  # parameters, buffers: what reaches furthest
    for start, end, key, is_parameter in sorted(_places(network)):
        for kind, (furthest, other) in ends.items():
            if start < furthest and (kind or is_parameter):
                raise UsageError(
                    f"{name}: {other} and {key} share a part of their memory, which no copy of the network would; "
                    "try one Parameter that both layers use, or a clone() for each"
                )
        ends[is_parameter] = max(ends[is_parameter], (end, key))


def _places(network: nn.Module) -> Iterator[tuple[int, int, str, bool]]:
    """First and last address of every tensor, its name, and whether it is a parameter."""
    for is_parameter, tensors in ((True, network.named_parameters()), (False, network.named_buffers())):
        for key, tensor in tensors:
            if _has_memory(tensor):
                reach = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True)) + 1
                start = tensor.data_ptr()
                yield start, start + reach * tensor.element_size(), key, is_parameter


def _has_memory(tensor: Tensor) -> bool:
    if nn.parameter.is_lazy(tensor) or tensor.is_meta:
        return False
    return tensor.layout == torch.strided and tensor.numel() > 0


def take_logits(_network: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
    """A hook on the whole network: the logits of an output that names them, as Hugging Face's classifiers do."""
    named = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    return named if isinstance(named, Tensor) and not isinstance(output, Tensor) else None
