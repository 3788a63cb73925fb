"""onnxruntime's calibrators, by rule: quiet, and none that takes memory or hours without end."""

from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, create_calibrator
from onnxruntime.quantization.calibrate import HistogramCollector, TensorsData

from exporters.errors import ExportError

Rule = Literal["minmax", "percentile", "entropy"]

_METHODS: Final[dict[str, CalibrationMethod]] = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}
RULES: Final[tuple[Rule, ...]] = cast("tuple[Rule, ...]", tuple(_METHODS))
"""How ranges of activations are set: smallest and largest value; all but 1 in 100,000; least information lost."""

# Bins of a histogram. For entropy onnxruntime's own number, 128, leaves one range to choose from: the whole. Time grows
# with the square: with 256 bins 0.03 s for a tensor, with 4,096 5 s.
_BINS: Final = {"percentile": 2048, "entropy": 256}
_MOST_BINS: Final = {"percentile": 2**17, "entropy": 2**12}


class Calibrator:
    """Finds the ranges of a file's tensors by one rule; its calls raise what onnxruntime raises, or ExportError."""

    def __init__(self, rule: Rule, prepared: Path, operators: tuple[str, ...], *, symmetric: bool) -> None:
        histogram = rule in _BINS
        with redirect_stdout(StringIO()):
            self._calibrator = create_calibrator(
                prepared,
                operators,
                str(prepared.with_name(f"{rule}.onnx")),
                _METHODS[rule],
                extra_options={"symmetric": symmetric, "num_bins": _BINS[rule]} if histogram else {},
            )
        if histogram:
            self._calibrator.collector = _Histograms(rule, symmetric=symmetric)

    def see(self, feed: dict[str, np.ndarray]) -> None:
        """Run one batch; onnxruntime keeps all results of what it is given at once."""
        with redirect_stdout(StringIO()):  # it prints
            self._calibrator.collect_data(_OneBatch(feed))

    def ranges(self) -> TensorsData:
        """The ranges, after all batches."""
        with redirect_stdout(StringIO()):
            return self._calibrator.compute_data()


class _Histograms(HistogramCollector):
    """Histograms that keep the bins of the first batch and get more as values grow, but never too many."""

    def __init__(self, rule: str, *, symmetric: bool) -> None:
        super().__init__(rule, symmetric, _BINS[rule], num_quantized_bins=128, percentile=99.999, scenario=None)
        self._most = _MOST_BINS[rule]

    def collect(self, name_to_arr: Mapping[str, list[np.ndarray]]) -> None:
        """ExportError where the values of a tensor are far larger than in earlier batches."""
        for name, arrays in name_to_arr.items():
            if name in self.histogram_dict and not self._fits(self.histogram_dict[name], arrays):
                raise ExportError(
                    f"expected values of {name} that one histogram holds, got some of a far larger batch; "
                    "try the rule minmax"
                )
        super().collect(name_to_arr)

    def _fits(self, known: tuple[Any, ...], arrays: list[np.ndarray]) -> bool:
        edges, *threshold = known[1], *known[4:]
        if threshold == [0]:  # nothing but zeros so far: it begins anew
            return True
        largest = max((float(np.abs(array).max()) for array in arrays if array.size), default=0.0)
        return 2 * largest <= self._most * float(edges[1] - edges[0])


class _OneBatch(CalibrationDataReader):
    """Gives one batch to a calibrator."""

    def __init__(self, feed: dict[str, np.ndarray]) -> None:
        self._left = [feed]

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]  # None ends the calibration
        return self._left.pop() if self._left else None
