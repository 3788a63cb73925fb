"""Trace one forward pass, operator by operator."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from compress.errors import CompressError, UsageError
from compress.tracing.arithmetic_rules import SUMS, pointwise
from compress.tracing.channel_sets import ChannelSets, Labels
from compress.tracing.layer_rules import Ledger, layers_to_cut, through_layer
from compress.tracing.layers import Convolution, has_own_forward, tensors_given
from compress.tracing.layout_rules import MOVES
from compress.tracing.operator_call import Call, Channels, Outcome, bound_arguments, is_pointwise, unfollowed
from compress.tracing.plain_kernels import plain_kernels

FEEDS_OUTPUT = "it feeds the network's output"

_RULES = MOVES | SUMS


@dataclass(frozen=True)
class Trace:
    """The channels that have to be pruned together in a network.

    Attributes:
        reads: layer -> the set of each of its input channels (0: always there): int64 C.
        carries: layer -> the same for its output channels.
        makers: layers that make channels of their own (convolutions that are not depthwise, linear layers).
        reasons: set -> why it cannot be pruned.
        not_cut: layer -> why it cannot be cut.
    """

    reads: Mapping[str, Labels]
    carries: Mapping[str, Labels]
    makers: frozenset[str]
    reasons: Mapping[int, str]
    not_cut: Mapping[str, str]


def trace(network: nn.Module, example: Tensor) -> Trace:
    """Trace a batch of images through a network.

    The channels that an operator without a rule touches are not pruned: an unknown operator costs units, not
    correctness.

    Args:
        network: any classifier; not changed.
        example: a batch of images (B, C, H, W) it accepts.

    Raises:
        UsageError: it does not run on the images, does not return logits (B, K), or has a scripted part.
    """
    for name, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise UsageError(
                f"{name or 'the network'} is made by torch.jit and cannot be cut; use the module it is made of"
            )
    tracer = _Tracer(network)
    training = {module: module.training for module in network.modules()}
    try:
        with ExitStack() as stack:
            tracer.watch(stack)
            network.eval()
            stack.enter_context(plain_kernels())
            tracer.start_from(example)
            stack.enter_context(tracer)
            logits = network(example)
    except (CompressError, MemoryError):
        raise
    except Exception as error:  # whatever the network's own code raises
        raise UsageError(
            f"the network does not run on images of shape {tuple(example.shape)}: {type(error).__name__}: {error}"
        ) from error
    finally:
        for module, mode in training.items():
            module.training = mode
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(example):
        found = f"a tensor {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise UsageError(
            f"expected a classifier that returns one tensor of logits ({len(example)}, classes), got {found}; "
            "wrap the network so that its forward returns the logits alone"
        )
    return tracer.finish(logits)


class _Tracer(TorchDispatchMode):
    """Intercepts every operator of one forward pass; a plain layer is one step."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network
        self._sets = ChannelSets()
        self._ledger = Ledger(self._sets)
        self._channels = WeakTensorKeyDictionary()
        self._from_images = WeakTensorKeyDictionary()  # tensors that depend on the images
        self._stack: list[tuple[str, Channels | None]] = []  # modules that are running, and the channels of their input
        self._inside = 0  # depth of plain layers: a hook of one may call another
        self._names = {id(value): name for name, value in (*network.named_parameters(), *network.named_buffers())}
        layers, self._not_cut = layers_to_cut(network)
        self._layers = {layer: name for layer, name in layers.items() if not has_own_forward(layer)}
        self._own_forwards = {name: layer for layer, name in layers.items() if has_own_forward(layer)}
        self._owners: dict[int, str] = {}
        for layer, name in layers.items():
            for value in (*layer.parameters(recurse=False), *layer.buffers(recurse=False)):
                self._owners[id(value)] = name

    def watch(self, stack: ExitStack) -> None:
        """Add hooks where modules begin and end."""
        for name, module in self._network.named_modules():
            # innermost, so that operators in the user's own hooks are traced too
            before = module.register_forward_pre_hook(self._begin(name), with_kwargs=True)
            after = module.register_forward_hook(self._end(name), prepend=True, with_kwargs=True, always_call=True)
            stack.callback(before.remove)
            stack.callback(after.remove)

    def start_from(self, images: Tensor) -> None:
        """Mark the tensor that holds the images."""
        self._from_images[images] = True

    def finish(self, logits: Tensor) -> Trace:
        """The result, after the forward pass."""
        self._sets.tie_slices()
        head = self._channels.get(logits)
        if head is not None:
            self._sets.keep_above_all(head.labels, FEEDS_OUTPUT)
        for name, reason in self._not_cut.items():
            for labels in (self._ledger.reads.get(name), self._ledger.carries.get(name)):
                if labels is not None:
                    self._sets.keep(labels, f"{name}: {reason}")
        find = self._sets.find
        return Trace(
            reads={name: find(labels) for name, labels in self._ledger.reads.items()},
            carries={name: find(labels) for name, labels in self._ledger.carries.items()},
            makers=frozenset(self._ledger.makers),
            reasons=self._sets.reasons(),
            not_cut=self._not_cut,
        )

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self._inside:
            self._step(func, bound_arguments(func, args, kwargs or {}), result)
        return result

    def _step(self, function: Any, arguments: Mapping[str, Any], result: Any) -> None:
        place = (self._stack and self._stack[-1][0]) or f"{type(self._network).__name__}.forward"
        call = Call(
            function, arguments, result, self._sets, self._channels.get, place, lambda one: self._names.get(id(one))
        )
        own = self._own_layer(call)
        for tensor in call.tensors:
            if self._owners.get(id(tensor), own) != own:
                self._not_cut.setdefault(self._owners[id(tensor)], f"its tensors are used in {place} by themselves")
        self._depends_on_images(call.tensors, call.results)
        if own:
            side = (call.tensors[0], self._channels.get(call.tensors[0]))
            through = through_layer(self._ledger, own, self._own_forwards[own], side)
            self._enter(call.results, [through] + [None] * (len(call.results) - 1))
            return
        if all(self._channels.get(tensor) is None for tensor in call.tensors):
            return
        rule = pointwise if is_pointwise(function) else _RULES.get(call.operator, unfollowed)
        try:
            outcome = rule(call)
        except (
            RuntimeError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
        ):  # not handled by its rule
            outcome = unfollowed(call)
        self._enter(call.results, outcome)

    def _own_layer(self, call: Call) -> str | None:
        """The layer whose own forward makes this call, with its weight, on its input."""
        name, given = self._stack[-1] if self._stack else ("", None)
        layer = self._own_forwards.get(name)
        if layer is None or self._owners.get(id(call.arguments.get("weight"))) != name:
            return None
        if isinstance(layer, Convolution):  # a mask acts on the layer's input
            here = self._channels.get(call.tensors[0])
            same = here is given or (here and given and np.array_equal(here.labels, given.labels))
            return name if same and call.operator == "convolution" else None
        return name if call.operator in ("native_batch_norm", "_native_batch_norm_legit_no_training") else None

    def _depends_on_images(self, takes: list[Tensor], gives: list[Tensor]) -> bool:
        """True if an input depends on the images; then the results do, too."""
        depends = any(tensor in self._from_images for tensor in takes)
        if depends:
            self._from_images.update(dict.fromkeys(gives, True))
        return depends

    def _enter(self, results: list[Tensor], outcome: Outcome) -> None:
        for tensor, channels in zip(results, outcome, strict=True):
            if channels is None:
                self._channels.pop(tensor, None)
            else:
                self._channels[tensor] = channels

    def _begin(self, name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            given = tensors_given(inputs, named)
            self._stack.append((name, self._channels.get(given[0]) if given else None))
            self._inside += module in self._layers

        return hook

    def _end(self, name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
            self._stack.pop()
            if module not in self._layers:
                return
            self._inside -= 1
            if not isinstance(output, Tensor):  # the layer raised an error
                return
            images = tensors_given(inputs, named)
            if not self._depends_on_images(images, [output]):  # its input has no samples that a mask could act on
                self._not_cut.setdefault(name, "it does not see the images")
            side = (images[0], self._channels.get(images[0]))
            self._enter([output], [through_layer(self._ledger, name, module, side)])

        return hook
