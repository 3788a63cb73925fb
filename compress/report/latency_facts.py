"""What a report states of a latency budget."""

from typing import Annotated, Literal

from pydantic import Field

from compress.runs.file_records import Part

_Positive = Annotated[float, Field(gt=1e-9, lt=1e12)]
_Share = Annotated[float, Field(ge=0, lt=1e12)]
_Count = Annotated[int, Field(ge=1, lt=10**9)]


class LatencyBudget(Part):
    """A latency as the budget: asked for, and predicted by the model of the target.

    ``precision`` is that of the pruned network's file; speed-ups are against the original's float32 file, whose time is
    ``asked_ms`` times ``asked_speedup``. ``asked`` says how the user asked; the other number follows from the model.
    ``device``: whether the target is another machine than this one. ``checked_speedup``: measured after the cut, before
    fine-tuning; ``None`` for a device. ``corrected``: whether the network was cut a second time after that. Errors are
    fractions, on samples left out of the fit. ``int8_for``: the processor that an INT8 file is for.
    """

    asked: Literal["milliseconds", "speed-up"]
    asked_ms: _Positive
    asked_speedup: _Positive
    predicted_ms: _Positive
    predicted_speedup: _Positive
    checked_speedup: _Positive | None
    corrected: bool
    batch_size: _Count
    threads: _Count
    samples: _Count
    error_median: _Share
    error_largest: _Share
    machine: dict[str, str]
    versions: dict[str, str]
    device: bool
    precision: Literal["float32", "int8"] = "float32"
    int8_for: Literal["here", "x86", "arm"] = "here"
