"""Run a network without a trace left in it, and see what its layers are given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from compress.errors import CheckFailedError, CompressError

Watch = Callable[[nn.Module, Tensor], Tensor | None]
"""Called with a layer and its input; the tensor it returns, if any, replaces the input."""


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the context; then every module has its own mode again."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def running(what_failed: str, kind: type[CompressError] = CheckFailedError) -> Iterator[None]:
    """Turn whatever a network's own code raises into one of our errors."""
    try:
        yield
    except (CompressError, MemoryError):
        raise
    except Exception as error:
        raise kind(f"{what_failed}: {type(error).__name__}: {error}") from error


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Inside the context, no gradients, and attention step by step: all its matrix products are traced and counted."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


class LinearCalls(TorchFunctionMode):
    """Inside the context, another function takes the calls of ``F.linear``: torch takes these apart into operators."""

    def __init__(self, instead: Callable[..., Tensor]) -> None:
        super().__init__()
        self._instead = instead

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every call of a function of torch, unless it comes from within this one."""
        chosen = self._instead if func is nn.functional.linear else func
        return chosen(*args, **(kwargs or {}))


@contextmanager
def watching_inputs(network: nn.Module, watches: Mapping[str, Watch]) -> Iterator[None]:
    """Show every named layer's input to its function before the layer runs."""

    def hook_of(watch: Watch) -> Any:
        def hook(layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
            features = next(iter(tensors_given(inputs, named)), None)
            found = None if features is None else watch(layer, features)
            if found is None:
                return None
            new_inputs = tuple(found if value is features else value for value in inputs)
            return new_inputs, {name: found if value is features else value for name, value in named.items()}

        return hook

    with ExitStack() as hooks:
        for name, watch in watches.items():
            hook = network.get_submodule(name).register_forward_pre_hook(hook_of(watch), with_kwargs=True)
            hooks.callback(hook.remove)
        yield


def tensors_given(inputs: Sequence[Any], named: Mapping[str, Any]) -> list[Tensor]:
    """Tensors in the arguments of a call, as hooks get them ``with_kwargs``; a layer's input comes first."""
    return [value for value in (*inputs, *named.values()) if isinstance(value, Tensor)]
