"""Trace one forward pass, operator by operator."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from compress.errors import UsageError
from compress.tracing.arithmetic_rules import ARITHMETIC, pointwise
from compress.tracing.bare_tensors import BareTensors
from compress.tracing.channel_sets import ChannelSets, Labels
from compress.tracing.computed_weights import ComputedWeights
from compress.tracing.forward_pass import LinearCalls, evaluating, plain_kernels, running, tensors_given
from compress.tracing.layer_rules import Ledger
from compress.tracing.layers import BatchNorm, Convolution, Cuttable, PerChannel, has_own_forward, layers_to_cut
from compress.tracing.layout_rules import LAYOUT
from compress.tracing.operator_call import Call, Channels, Outcome, unfollowed

FEEDS_OUTPUT = "it feeds the network's output"

_RULES = LAYOUT | ARITHMETIC


@dataclass(frozen=True)
class Trace:
    """The channels that have to be pruned together in a network: sets, each with a number.

    ``reads`` and ``carries``: layer -> the set of each of its input (output) channels, 0 if always there: int64 C.
    ``makers``: layers that make channels of their own (convolutions that are not depthwise, linear layers).
    ``bare``: parameter or buffer of no layer -> the set of each of its positions along a dimension in ``bare_dims``.
    ``reasons``: set -> why it cannot be pruned; ``not_cut``: layer -> why it cannot be cut.
    """

    reads: Mapping[str, Labels]
    carries: Mapping[str, Labels]
    makers: frozenset[str]
    bare: Mapping[str, Labels]
    bare_dims: Mapping[str, int]
    reasons: Mapping[int, str]
    not_cut: Mapping[str, str]


def trace(network: nn.Module, example: Tensor) -> Trace:
    """Trace a batch of images (B, C, H, W) through any classifier; the network is not changed.

    The channels that an operator without a rule touches are not pruned: an unknown operator costs units, not
    correctness. UsageError if it does not run on the images, does not return logits (B, K), or has a scripted part.
    """
    for name, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise UsageError(
                f"{name or 'the network'} is made by torch.jit and cannot be cut; use the module it is made of"
            )
    tracer = _Tracer(network, example)
    runs = running(f"the network does not run on images of shape {tuple(example.shape)}", UsageError)
    with runs, tracer.watching_modules(), evaluating(network), plain_kernels(), tracer, LinearCalls(tracer.linear):
        logits = network(example)
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(example):
        found = f"a tensor {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise UsageError(
            f"expected a classifier that returns one tensor of logits ({len(example)}, classes), got {found}; "
            "wrap the network so that its forward returns the logits alone"
        )
    return tracer.finish(logits)


_OWN = {
    Convolution: ("convolution",),
    BatchNorm: ("native_batch_norm", "_native_batch_norm_legit_no_training"),
    nn.GroupNorm: ("native_group_norm",),
}
"""Kinds of layers -> the operators that make up their forward."""


class _Tracer(TorchDispatchMode):
    """Intercepts every operator of one forward pass; a plain layer is one step."""

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        super().__init__()
        self._network = network
        self._sets = ChannelSets()
        self._ledger = Ledger(self._sets)
        self._channels = WeakTensorKeyDictionary()
        self._from_images = WeakTensorKeyDictionary()  # tensors that depend on the images
        self._from_images[images] = True
        self._running: list[tuple[str, Channels | None]] = []  # modules, and the channels of their input
        self._inside = 0  # depth of plain layers: a hook of one may call another
        self._names = {id(value): name for name, value in (*network.named_parameters(), *network.named_buffers())}
        layers, self._not_cut = layers_to_cut(network)
        self._layers = {layer: name for layer, name in layers.items() if not has_own_forward(layer)}
        self._own_forwards = {name: layer for layer, name in layers.items() if layer not in self._layers}
        self._owners = {
            id(value): name
            for layer, name in layers.items()
            for value in (*layer.parameters(recurse=False), *layer.buffers(recurse=False))
        }
        self._computed = ComputedWeights(self._own_forwards, self._ledger)
        cuttable = [module for module in network.modules() if isinstance(module, Cuttable)]
        self._bare = BareTensors(
            network,
            self._sets,
            {id(value) for layer in cuttable for value in (*layer.parameters(False), *layer.buffers(False))},
        )

    @contextmanager
    def watching_modules(self) -> Iterator[None]:
        """Hooks where modules begin and end; innermost, so that operators in the user's own hooks are traced too."""
        with ExitStack() as stack:
            for name, module in self._network.named_modules():
                begin, end = partial(self._begin, name), partial(self._end, name)
                after = module.register_forward_hook(end, prepend=True, with_kwargs=True, always_call=True)
                for hook in (module.register_forward_pre_hook(begin, with_kwargs=True), after):
                    stack.callback(hook.remove)
            yield

    def finish(self, logits: Tensor) -> Trace:
        """The result, after the forward pass."""
        self._sets.tie_slices()
        self._bare.finish()
        self._not_cut = self._computed.finish() | self._not_cut
        head = self._channels.get(logits)
        if head is not None:
            self._sets.keep_above_all(head.labels, FEEDS_OUTPUT)
        sides = (self._ledger.reads, self._ledger.carries)
        for name, reason in self._not_cut.items():
            for side in sides:
                if name in side:
                    self._sets.keep(side[name], f"{name}: {reason}")
        reads, carries, bare = (
            {name: self._sets.find(labels) for name, labels in side.items()} for side in (*sides, self._bare.labels)
        )
        makers = frozenset(self._ledger.makers)
        return Trace(reads, carries, makers, bare, self._bare.dims, self._sets.reasons(), self._not_cut)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self._inside:
            place = (self._running and self._running[-1][0]) or f"{type(self._network).__name__}.forward"
            schema = func._schema.arguments
            arguments = {argument.name: argument.default_value for argument in schema if argument.has_default_value()}
            arguments |= {argument.name: value for argument, value in zip(schema, args, strict=False)} | (kwargs or {})
            names, channels_of, bind = self._names, self._channels.get, self._bare.bind
            self._step(Call(func, arguments, result, self._sets, channels_of, bind, place, lambda t: names.get(id(t))))
        return result

    def _step(self, call: Call) -> None:
        own = self._own_layer(call)
        for tensor in call.tensors:
            owner, reason = self._owners.get(id(tensor), own), f"its tensors are used in {call.place} by themselves"
            if owner not in (None, own) and not (owner == call.place and self._computed.computes(owner, reason)):
                self._not_cut.setdefault(owner, reason)
        self._depends_on_images(call.tensors, call.results)
        if own:
            through = self._ledger.follow(own, self._own_forwards[own], call.rank, call.channels)
            self._enter(call.results, [through, *[None] * (len(call.results) - 1)])
        elif any(self._channels.get(tensor) is not None for tensor in call.tensors):
            by_name = _RULES.get(call.operator, unfollowed)
            if self._computed.is_convolution(call.place, call):
                by_name = partial(self._computed.convolve, call.place)
            rule = pointwise if torch.Tag.pointwise in call.function.tags else by_name
            try:
                outcome = rule(call)
            except (RuntimeError, ValueError, TypeError, LookupError, AttributeError):  # not handled by its rule
                outcome = unfollowed(call)
                self._bare.unbind()
            self._enter(call.results, outcome)
        self._bare.follow(call)

    def linear(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """``F.linear``; one step where a subclass of nn.Linear calls it in its own forward."""
        features = input  # the name that torch gives it, for calls by name
        name = self._layer_here(features, weight)
        if name is None or not isinstance(self._own_forwards[name], nn.Linear) or self._inside:
            return nn.functional.linear(features, weight, bias)
        self._inside += 1
        output = nn.functional.linear(features, weight, bias)
        self._inside -= 1
        self._depends_on_images([features], [output])
        self._bare.use([features], f"{name} takes it")
        channels = self._channels.get(features)
        self._enter([output], self._ledger.follow(name, self._own_forwards[name], features.dim(), channels))
        return output

    def _own_layer(self, call: Call) -> str | None:
        """The layer whose own forward makes this call, with its weight, on its input."""
        weight = call.arguments.get("weight")
        name = None if weight is None else self._layer_here(call.tensors[0], weight)
        if name is None:
            return None
        kinds = next((kinds for kind, kinds in _OWN.items() if isinstance(self._own_forwards[name], kind)), ())
        return name if call.operator in kinds else None

    def _layer_here(self, features: Tensor, weight: Tensor) -> str | None:
        """The running layer, if it has an own forward and this weight, and these are the channels that it was given."""
        name, given = self._running[-1] if self._running else ("", None)
        layer = self._own_forwards.get(name)
        if layer is None or self._owners.get(id(weight)) != name:
            return None
        if isinstance(layer, PerChannel):
            return name
        here = self._channels.get(features)  # a mask acts on the layer's input
        same = here is given or (here and given and np.array_equal(here.labels, given.labels))
        return name if same else None

    def _depends_on_images(self, takes: list[Tensor], gives: list[Tensor]) -> bool:
        """True if an input depends on the images; then the results do, too."""
        depends = any(tensor in self._from_images for tensor in takes)
        if depends:
            self._from_images.update(dict.fromkeys(gives, True))
        return depends

    def _enter(self, results: list[Tensor], outcome: Outcome) -> None:
        each = outcome if isinstance(outcome, list) else [outcome] * len(results)
        for tensor, channels in zip(results, each, strict=True):
            if channels is None:
                self._channels.pop(tensor, None)
            else:
                self._channels[tensor] = channels

    def _begin(self, name: str, module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        given = tensors_given(inputs, named)
        self._running.append((name, self._channels.get(given[0]) if given else None))
        self._channels.update(dict(self._computed.begin(name)))
        self._inside += module in self._layers

    def _end(self, name: str, module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        self._running.pop()
        if module not in self._layers:
            return
        self._inside -= 1
        if not isinstance(output, Tensor):  # the layer raised an error
            return
        images = tensors_given(inputs, named)
        self._bare.use(images, f"{name} takes it")
        if not self._depends_on_images(images, [output]):  # its input has no samples that a mask could act on
            self._not_cut.setdefault(name, "it does not see the images")
        channels = self._channels.get(images[0])
        self._enter([output], self._ledger.follow(name, module, images[0].dim(), channels))
