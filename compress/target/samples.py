"""Samples of a network: ONNX files of it in many widths, without weights, small enough to be copied to a device.

Axes: N samples, G groups, U units.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.channels.costs import CostModel
from compress.channels.counts import allowed_counts
from compress.channels.latency import FINEST_STEP, USUAL_STEP, step_within
from compress.channels.masks import kept_positions
from compress.channels.units import UnitMap
from compress.errors import UsageError
from compress.structure.remove import remove_units
from exporters.int8.source import Int8Types
from exporters.int8.uncalibrated import quantised_unseen
from exporters.measure.calls import RunnableFile
from exporters.measure.layer_times import SampleFile
from exporters.measure.profile_nodes import SourceGraph
from exporters.write.samples import Graph, export_graph, in_other_widths, numbers_of, same_layout, without_weights
from exporters.write.scratch import scratch_folder

SAMPLES: Final = 56
"""Samples of a network whose other widths follow from one export."""

EXPORTED_SAMPLES: Final = 24
"""Samples of one whose every width has to be exported, which takes seconds each."""

FEWEST: Final = 8
"""Samples that a model needs at least."""

_LEAST, _SPREAD = 0.1, 0.15
_CUT: Final = 2  # samples that are really cut: every group keeps a share that tells it from the whole one
_OF_CUTS: Final = (0.3, 0.7)


@dataclass(frozen=True)
class SampleSet:
    """Files of one network, the whole one first, their kept counts (N, G), and the layers behind their nodes.

    The very first file is what all are timed against. Where samples are in INT8, it is one more: the whole network in
    float32, which has no counts.
    """

    files: tuple[SampleFile, ...]
    counts_NG: Tensor
    source: SourceGraph

    @property
    def int8(self) -> bool:
        """Whether the samples are in INT8."""
        return len(self.files) > len(self.counts_NG)


def make_samples(
    network: nn.Module,
    prunable: Prunable,
    images: Tensor,
    *,
    opset: int,
    count: int = SAMPLES,
    int8: Int8Types | None = None,
) -> SampleSet:
    """Sample files of a network on images (B, C, H, W), with types given in ``int8``; it is not changed.

    They depend on its architecture, the image size and the versions of torch, onnx and, in INT8, onnxruntime, not on
    its weights. The whole network and two that are really cut are exported; the other graphs follow from how the
    numbers in these three go with the channels. Where that does not give the second cut, every sample is exported, and
    there are fewer.
    """
    units, model = prunable.units, prunable.model
    with scratch_folder() as folder:
        exporter = _Exporter(images, opset, folder / "network.onnx", int8)
        whole = exporter(network)
        source, original = SourceGraph(RunnableFile(exporter.path)), exporter.original
        counts_NG, names = sample_counts(units, count), dict(network.state_dict()).keys()

        def cut(counts_G: Tensor) -> Graph:
            return exporter(remove_units(network, units, _state(units, counts_G), images[:2]).network)

        first, second = cut(counts_NG[1]), cut(counts_NG[2])
        channels_NS = _channels(model, counts_NG)
        known = [numbers_of(graph, without=names) for graph in (whole, first, second)]
        rules = _rules(known, channels_NS[:3], model.layers)
        graphs = [
            in_other_widths(whole, _shapes(network, units, counts_G) | _numbers(known[0], rules, channels_S))
            for counts_G, channels_S in zip(counts_NG, channels_NS, strict=True)
        ]
        if not (same_layout(graphs[1], first) and same_layout(graphs[2], second)):
            counts_NG = counts_NG[:EXPORTED_SAMPLES]
            graphs = [whole, first, second, *map(cut, counts_NG[3:])]
    weights = {*names, *(name for name, _place in rules)}
    files = [without_weights(graph, weights) for graph in (*original, *graphs)]
    return SampleSet(tuple(SampleFile(data, hashlib.sha256(data).hexdigest()) for data in files), counts_NG, source)


def _channels(model: CostModel, counts_NG: Tensor) -> np.ndarray:
    """The inputs and outputs of all layers in every sample: whole numbers (N, S), S twice the layers."""
    counts = nn.functional.pad(counts_NG.double(), (0, 1), value=1.0)
    sides = torch.cat([counts @ model.inputs_LG.T, counts @ model.outputs_LG.T], 1)
    return sides.round().long().numpy()


_Rules = Mapping[tuple[str, int], tuple[int, int]]
"""(initialiser, place of a number) -> (side of a layer, factor): the number is that many times the channels there."""


def _rules(known: Sequence[Mapping[str, tuple[int, ...]]], channels_3S: np.ndarray, layers: Sequence[str]) -> _Rules:
    """How the numbers go with the channels, from three graphs, the whole network's first; no rule where none fits.

    Of several that fit, one of the layer that the initialiser is named after: its outputs for the first number.
    """
    rules: dict[tuple[str, int], tuple[int, int]] = {}
    for name, numbers in known[0].items():
        own = [layer for layer, of in enumerate(layers) if name.startswith(f"{of}.")]
        for place, number in enumerate(numbers):
            found = np.array([graph.get(name, numbers)[place] for graph in known])
            if (found == number).all():
                continue
            factor_S = np.maximum(number // np.maximum(channels_3S[0], 1), 1)
            fitting = (factor_S * channels_3S == found[:, None]).all(axis=0).nonzero()[0].tolist()
            sides = [layer + len(layers) * outputs for layer in own for outputs in (place == 0, place > 0)]
            for side in [*(one for one in sides if one in fitting), *fitting][:1]:
                rules[name, place] = (side, int(factor_S[side]))
    return rules


def _numbers(whole: Mapping[str, tuple[int, ...]], rules: _Rules, channels_S: np.ndarray) -> dict[str, tuple[int, ...]]:
    """The numbers of one sample that follow its channels, by initialiser."""
    changed: dict[str, list[int]] = {}
    for (name, place), (side, factor) in rules.items():
        changed.setdefault(name, list(whole[name]))[place] = factor * int(channels_S[side])
    return {name: tuple(numbers) for name, numbers in changed.items()}


def sample_counts(units: UnitMap, count: int) -> Tensor:
    """Kept counts of samples, int64 (N, G): the whole network, then in turn a share of each group and similar shares.

    They go in the usual steps of a latency budget, in half of them if that gives fewer than ``count``, and so on. All
    are different, and always the same ones for the same groups. UsageError if there are too few.
    """
    step = USUAL_STEP
    rows = _different_counts(units, count, step)
    while len(rows) < count and step > FINEST_STEP:
        step //= 2
        rows = _different_counts(units, count, step)
    if len(rows) < FEWEST:
        raise UsageError(
            f"no latency model: expected a network that can be cut to at least {FEWEST} shapes in steps of "
            f"{FINEST_STEP} channels, got {len(rows)}; try --keep-macs"
        )
    return torch.stack(rows)


def _different_counts(units: UnitMap, count: int, step: int) -> list[Tensor]:
    random, sizes = np.random.default_rng(0), units.sizes
    allowed = allowed_counts(units, [step_within(step, width=group.width) for group in units.groups])
    rows = {tuple(sizes.tolist()): sizes}
    for _ in range(4 * count):
        number = len(rows)
        shares = random.uniform(*(_OF_CUTS if number <= _CUT else (_LEAST, 1.0)), len(sizes))
        if number > _CUT and number % 2:
            shares = np.clip(shares[0] + random.normal(0.0, _SPREAD, len(sizes)), _LEAST, 1.0)
        counts_G = allowed.round((torch.from_numpy(shares) * sizes).round().long())
        if number < count:
            rows.setdefault(tuple(counts_G.tolist()), counts_G)
    return [*rows.values()]


def _state(units: UnitMap, counts_G: Tensor) -> Tensor:
    """The state, bool U, that keeps the first units of each group."""
    return torch.cat([torch.arange(group.size) < count for group, count in zip(units.groups, counts_G, strict=True)])


def _shapes(network: nn.Module, units: UnitMap, counts_G: Tensor) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors that change with these counts, by name."""
    tensors = network.state_dict()
    shapes = {}
    for name, kept in kept_positions(network, units, _state(units, counts_G)).items():
        shape = list(tensors[name].shape)
        for axis, positions in kept.items():
            shape[axis] = int(positions.sum())
        shapes[name] = tuple(shape)
    return shapes


@dataclass
class _Exporter:
    """Exports networks, in INT8 all with the same layers in float32: those of the first one's stem.

    ``path`` then holds the last file. ``original`` has the first one in float32, where samples are in INT8.
    """

    images: Tensor
    opset: int
    path: Path
    int8: Int8Types | None
    original: tuple[Graph, ...] = ()
    in_float: tuple[str, ...] | None = None

    def __call__(self, network: nn.Module) -> Graph:
        _count, channels, height, width = self.images.shape
        graph = export_graph(network, self.path, input_shape=(channels, height, width), opset=self.opset)
        if self.int8 is None:
            return graph
        self.original = self.original or (graph,)
        graph, self.in_float = quantised_unseen(self.path, self.int8, in_float=self.in_float)
        self.path.write_bytes(graph.SerializeToString())
        return graph
