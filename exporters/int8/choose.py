"""Choose how a file is quantised, by measurement: the rule of calibration, and the layers that stay in float32.

First the rule whose answers come nearest the float32 ones. Then layers that are slower in INT8 than in float32, where
INT8 as a whole is faster on this machine. Then, while too much Top-1 is lost, the layer that alone costs most accuracy
for the time it saves.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from onnx import ModelProto
from onnxruntime.quantization.calibrate import TensorsData

from exporters.int8.calibrators import Rule
from exporters.int8.layers import stem_of
from exporters.int8.sensitivity import Int8Loss, Judge, Progress, Stopwatch
from exporters.int8.source import Calibration, FloatFile

_NOTICEABLE: Final = 0.02  # of the time: smaller differences are noise
_PERHAPS: Final = 0.005  # of the time: a single layer, timed briefly
_SURELY: Final = 4  # times as long is timed what is decided by the clock


@dataclass(frozen=True)
class LayerCost:
    """One layer: what it loses if it alone is in INT8, and how much longer a call takes if it alone is in float32.

    ``slowdown`` is a share of the time of the file all in INT8, negative where float32 is faster; ``None``: not timed.
    """

    layer: str
    loss: Int8Loss
    slowdown: float | None


@dataclass(frozen=True)
class Int8Choice:
    """How a file was chosen: on how many images, what was tried, and what the chosen file loses on them.

    ``rules``: each rule of calibration, with the layers of the stem in float32. ``time_share``: the time of a call as a
    share of the float32 file's, on the machine that made it; ``None`` if not timed.
    """

    images: int
    max_drop: float
    rules: dict[Rule, Int8Loss]
    layers: tuple[LayerCost, ...]
    loss: Int8Loss
    time_share: float | None


@dataclass(frozen=True)
class Chosen:
    """A rule, the layers left in float32, the graph made so, and how they were chosen."""

    rule: Rule
    in_float: tuple[str, ...]
    graph: ModelProto
    choice: Int8Choice


@dataclass(frozen=True)
class Chooser:
    """What a file is chosen by: images that judge it, a stopwatch or accuracy alone, the points it may lose."""

    judge: Judge
    stopwatch: Stopwatch | None
    max_drop: float
    progress: Progress = lambda _what: None

    def choose(self, file: FloatFile, calibration: Calibration, *, in_float: tuple[str, ...] | None = None) -> Chosen:
        """The best file by measurement, with these layers ``in_float`` if they are given.

        ExportError if it cannot be made, OnnxFileError if it does not run.
        """
        self.judge.take(file.prepared)
        start = stem_of(file.prepared) if in_float is None else in_float
        self.progress("rules of calibration")
        rules = {
            rule: self.judge.loss(file.quantised(ranges, in_float=start)) for rule, ranges in calibration.ranges.items()
        }
        rule = min(rules, key=lambda one: rules[one].divergence)  # the first, min-max, if all are equal
        attempt = _Attempt(file, calibration.ranges[rule], self)
        layers = attempt.layer_costs(timed=in_float is None and attempt.pays(start))
        loss = rules[rule]
        if in_float is None:
            in_float, loss = attempt.within(self.max_drop, attempt.fastest(layers, start), layers)
        graph, share = attempt.graph(in_float), None
        if self.stopwatch is not None:
            (share,) = self.stopwatch.times(file.prepared, [graph], effort=_SURELY)
        return Chosen(rule, in_float, graph, Int8Choice(self.judge.images, self.max_drop, rules, layers, loss, share))


@dataclass(frozen=True)
class _Attempt:
    """A file with the ranges of one rule, and what it is judged by."""

    file: FloatFile
    ranges: TensorsData
    by: Chooser

    def graph(self, in_float: Collection[str] = ()) -> ModelProto:
        return self.file.quantised(self.ranges, in_float=in_float)

    def layer_costs(self, *, timed: bool) -> tuple[LayerCost, ...]:
        layers, losses = self.file.layers, []
        for place, layer in enumerate(layers, start=1):
            self.by.progress(f"accuracy, layer {place} of {len(layers)}")
            losses.append(self.by.judge.loss(self.file.only(self.ranges, layer)))
        shares: list[float] | list[None] = [None] * len(layers)
        if self.by.stopwatch is not None and timed:
            shares = self.by.stopwatch.times(self.graph(), self._each_in_float())
        return tuple(
            LayerCost(layer.name, loss, None if share is None else share - 1)
            for layer, loss, share in zip(layers, losses, shares, strict=True)
        )

    def _each_in_float(self) -> Iterator[ModelProto]:
        for place, layer in enumerate(self.file.layers, start=1):
            self.by.progress(f"time, layer {place} of {len(self.file.layers)}")
            yield self.graph([layer.name])

    def pays(self, stem: tuple[str, ...]) -> bool:
        """Whether INT8 is faster than float32 here. Where it is not, this clock says nothing about the device."""
        if self.by.stopwatch is None:
            return False
        self.by.progress("time in INT8 and in float32")
        (share,) = self.by.stopwatch.times(self.file.prepared, [self.graph(stem)], effort=_SURELY)
        return share < 1

    def fastest(self, layers: Sequence[LayerCost], stem: tuple[str, ...]) -> tuple[str, ...]:
        """The layers to leave in float32 for speed: those of the stem, unless others are clearly faster."""
        if self.by.stopwatch is None or all(cost.slowdown is None for cost in layers):
            return stem
        slower = {cost.layer for cost in layers if cost.slowdown is not None and cost.slowdown < -_PERHAPS}
        wanted: tuple[set[str], ...] = (set(), slower, slower | {*stem})
        candidates = [
            tuple(one.layer for one in layers if one.layer in some) for some in wanted if len(some) < len(layers)
        ]
        shares = self.by.stopwatch.times(self.graph(stem), map(self.graph, candidates), effort=_SURELY)
        best = min(range(len(shares)), key=lambda place: shares[place])
        return candidates[best] if shares[best] < 1 - _NOTICEABLE else stem

    def within(
        self, max_drop: float, in_float: tuple[str, ...], layers: Sequence[LayerCost]
    ) -> tuple[tuple[str, ...], Int8Loss]:
        """More layers in float32 until no more than ``max_drop`` points are lost, or one is left; and what is lost.

        A single image is never too many: of few images, one is more points than may be lost.
        """
        max_drop = max(max_drop, 100 / self.by.judge.images)
        order = [cost.layer for cost in sorted(layers, key=_worth, reverse=True) if cost.layer not in in_float]
        loss = self._loss(in_float)
        added: list[str] = []
        while loss.points > max_drop and len(order) > 1:
            added.append(order.pop(0))
            loss = self._loss((*in_float, *added))
        for layer in added[:-1]:  # the last one was needed; of the others, perhaps not all
            fewer = [one for one in added if one != layer]
            if (without := self._loss((*in_float, *fewer))).points <= max_drop:
                added, loss = fewer, without
        return tuple(cost.layer for cost in layers if cost.layer in (*in_float, *added)), loss

    def _loss(self, in_float: Collection[str]) -> Int8Loss:
        self.by.progress(f"accuracy, {len(in_float)} layers in float32")
        return self.by.judge.loss(self.graph(in_float))


def _worth(cost: LayerCost) -> float:
    """How much accuracy a layer costs in INT8 for the time that it saves there."""
    return cost.loss.divergence / max(cost.slowdown or 0, _PERHAPS)
