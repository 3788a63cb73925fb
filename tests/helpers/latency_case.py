"""A tiny network with samples of it, and times that were made from known coefficients."""

from functools import cache

import numpy as np
import torch
from torch import nn

from compress.channels.budget import Budget, Prunable
from compress.channels.costs import CostModel, build_cost_model
from compress.channels.counts import allowed_counts
from compress.channels.latency import LatencyModel
from compress.channels.units import UnitMap, find_units
from compress.target.samples import SampleSet, make_samples
from exporters.measure.layer_times import SCHEMA, LayerTimes, NodeMilliseconds, SampleTimes

IMAGES = torch.zeros(2, 3, 16, 16)
COUNT = 32


class Case:
    """A network whose layers are a 3 x 3, a depthwise, a 1 x 1 convolution and a head."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.ReLU(), nn.Conv2d(32, 24, 1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 5),
        ).eval()  # fmt: skip
        self.units: UnitMap = find_units(self.network, IMAGES)
        self.model: CostModel = build_cost_model(self.network, self.units, IMAGES)
        self.prunable = Prunable(self.units, self.model, allowed_counts(self.units, 8), Budget())
        self.samples: SampleSet = make_samples(self.network, self.prunable, IMAGES, opset=18, count=COUNT)

    def latency(self) -> LatencyModel:
        """Milliseconds of layers "0", "3", "5" and "9", which are the cost model's."""
        own = {"0": (0.1, 0, 0.02, 0), "3": (0.05, 0, 0.01, 0), "5": (0.02, 0, 0, 0.0008), "9": (0.03, 0.001, 0, 0)}
        coefficients = [own.get(name, (0, 0, 0, 0)) for name in self.model.layers]
        blocks = [[1, 16] if name == "0" else [8, 8] if name == "5" else [1, 1] for name in self.model.layers]
        rest = torch.zeros(len(self.units.groups) + 1, dtype=torch.float64)
        rest[-1] = 0.06
        return LatencyModel(torch.tensor(coefficients, dtype=torch.float64), torch.tensor(blocks), rest)

    def table(self, *, noise: float = 0.0, drift: bool = False, shas: tuple[str, ...] | None = None) -> LayerTimes:
        """Times of the samples; with a ``drift`` the machine is 3 times as slow at the end as at the beginning."""
        random, latency = np.random.default_rng(0), self.latency()
        counts = torch.nn.functional.pad(self.samples.counts_NG.double(), (0, 1), value=1.0)
        layers_NL = latency.by_layer(counts @ self.model.inputs_LG.T, counts @ self.model.outputs_LG.T)
        whole_N = layers_NL.sum(1) + 0.06
        rows = []
        for number, file in enumerate(self.samples.files):
            slow = 1 + 2 * number / len(self.samples.files) if drift else 1.0
            parts = zip(self.model.layers, layers_NL[number].tolist(), strict=True)
            nodes = [self._node(name, ms * random.normal(1.0, noise)) for name, ms in parts if ms]
            nodes.append(NodeMilliseconds("reorder", "ReorderOutput", 1.2 * 0.06))
            sha = file.sha256 if shas is None else shas[number]
            rows.append(SampleTimes(sha, slow * float(whole_N[number]), slow * float(whole_N[0]), tuple(nodes)))
        return LayerTimes(SCHEMA, {"cpu": "made up"}, {"onnxruntime": "1.0"}, 1, 1, tuple(rows))

    def _node(self, layer: str, milliseconds: float) -> NodeMilliseconds:
        """A layer's node by its name in the file of the whole network."""
        name, operator = self.nodes()[layer]
        return NodeMilliseconds(name, operator, 1.2 * milliseconds)  # the profiler slows every node

    def nodes(self) -> dict[str, tuple[str, str]]:
        """Layer -> its node and operator in the exported graph."""
        source = self.samples.source
        found = {}
        for name, node in source._nodes.items():
            if node.op_type in ("Conv", "Gemm"):
                found[source.find(name, node.op_type).name] = (name, node.op_type)
        return found


@cache
def latency_case() -> Case:
    """The case, made once: it takes three exports."""
    return Case()
