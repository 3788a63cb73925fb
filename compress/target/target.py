"""``Target``: the latency model of a network on the machine it is for, with its error; made, saved, and read back.

Axes: N samples, L layers, G groups.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Final, Literal

import numpy as np
import torch
from pydantic import Field, TypeAdapter

from compress.channels.costs import CostModel
from compress.channels.latency import LatencyModel
from compress.target.fit import LatencyFit, LayerSamples, fit_latency
from compress.target.samples import SampleSet
from exporters.measure.layer_times import LayerTimes, SampleTimes
from exporters.measure.profile_nodes import SourceLayer

HELD_OUT: Final = 4
"""Every so many samples one is left out of the fit that the error is of."""

_Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class TargetFacts:
    """What was measured, where, and how well the model predicts it.

    Attributes:
        whole_ms: median milliseconds of a call of the whole network.
        error_median: of ``|predicted / measured - 1|`` over the samples that were left out of the fit.
        error_largest: the largest of these.
        device: whether the times are of another machine than that of the run.
        precision: of the files that the model is of.
        int8_for: the processor that they are for in INT8; "here" is the one of the machine that made them.
    """

    machine: dict[str, str]
    versions: dict[str, str]
    batch_size: int
    threads: int
    samples: int
    whole_ms: _Finite
    error_median: _Finite
    error_largest: _Finite
    device: bool
    precision: Literal["float32", "int8"] = "float32"
    int8_for: Literal["here", "x86", "arm"] = "here"


@dataclass(frozen=True)
class Target:
    """A latency model, and what it is of."""

    latency: LatencyModel
    facts: TargetFacts

    def as_dict(self) -> dict[str, Any]:
        """As plain values, which ``from_dict`` reads back to the last bit."""
        tables = {name: getattr(self.latency, name).tolist() for name in _TABLES}
        return {**tables, "original_ms": self.latency.original_ms, "facts": asdict(self.facts)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Target":
        """The inverse of ``as_dict``, for values of the shape ``SavedTarget``."""
        tables: dict[str, Any] = {name: torch.tensor(values[name], dtype=kind) for name, kind in _TABLES.items()}
        latency = LatencyModel(**tables, original_ms=values.get("original_ms"))
        return cls(latency, TypeAdapter(TargetFacts).validate_python(values["facts"]))


_TABLES: Final = {"coefficients_L4": torch.float64, "blocks_L2": torch.int64, "rest_G": torch.float64}


@dataclass(frozen=True)
class SavedTarget:
    """``latency.json`` of a run."""

    coefficients_L4: list[Annotated[list[_Finite], Field(min_length=4, max_length=4)]]
    blocks_L2: list[Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)]]
    rest_G: list[_Finite]
    facts: TargetFacts
    original_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


def fit_target(samples: SampleSet, table: LayerTimes, model: CostModel, *, device: bool) -> Target:
    """Fit a latency model to the times of samples; ``model`` says how many channels their layers have."""
    rows = table.samples[-len(samples.counts_NG) :]  # without the float32 file that INT8 is timed against
    reference_ms = float(np.median([row.reference_ms for row in rows]))
    whole_N, of_layers = _layer_samples(samples, rows, model, reference_ms)
    left_out = np.arange(len(whole_N)) % HELD_OUT == HELD_OUT - 1
    held_out = _as_model(fit_latency(of_layers.chosen(~left_out)))
    predicted = replace(model, latency=held_out).costs(samples.counts_NG)[:, 2].numpy()
    errors = np.abs(predicted / whole_N - 1)[left_out]
    facts = TargetFacts(
        machine=table.machine,
        versions=table.versions,
        batch_size=table.batch_size,
        threads=table.threads,
        samples=len(whole_N),
        whole_ms=float(whole_N[0]),
        error_median=float(np.median(errors)),
        error_largest=float(errors.max()),
        device=device,
        precision="int8" if samples.int8 else "float32",
        int8_for=table.int8_for or "here",
    )
    return Target(_as_model(fit_latency(of_layers), reference_ms if samples.int8 else None), facts)


def _layer_samples(
    samples: SampleSet, rows: Sequence[SampleTimes], model: CostModel, reference_ms: float
) -> tuple[np.ndarray, LayerSamples]:
    """Milliseconds of every sample's call (N,), and what the layers and all other nodes have of it.

    A sample's call is taken by its ratio to the reference; its nodes share it as they share the profiled call.
    """
    place = {name: number for number, name in enumerate(model.layers)}
    kinds: list[Hashable] = [""] * len(place)
    whole_N = np.array([row.whole_ms / row.reference_ms for row in rows]) * reference_ms
    times_NL, rest_N = np.zeros((len(whole_N), len(place))), np.zeros(len(whole_N))
    found: dict[tuple[str, str], SourceLayer] = {}
    for number, row in enumerate(rows):
        scale = whole_N[number] / max(sum(node.milliseconds for node in row.nodes), 1e-9)
        for node in row.nodes:
            key = (node.name, node.operator)
            layer = found[key] = found.get(key) or samples.source.find(*key)
            if layer.name in place:
                times_NL[number, place[layer.name]] += node.milliseconds * scale
                kinds[place[layer.name]] = (layer.weight[2:], layer.weight[1:2] == (1,), layer.bytes_each)
            else:
                rest_N[number] += node.milliseconds * scale
    counts = np.column_stack([samples.counts_NG.numpy(), np.ones(len(whole_N))])
    inputs_NL, outputs_NL = (counts @ channels.numpy().T for channels in (model.inputs_LG, model.outputs_LG))
    return whole_N, LayerSamples(inputs_NL, outputs_NL, counts[:, :-1], times_NL, rest_N, kinds)


def _as_model(fit: LatencyFit, original_ms: float | None = None) -> LatencyModel:
    tables: dict[str, Any] = {name: torch.from_numpy(getattr(fit, name)).to(kind) for name, kind in _TABLES.items()}
    return LatencyModel(**tables, original_ms=original_ms)
