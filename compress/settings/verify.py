"""Settings of ``compress verify``: what is measured, the gates, and what the user states about files."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from compress.environment import usable_cores
from compress.settings.fields import setting
from compress.settings.parsing import parse_count, parse_list, parse_numbers

if TYPE_CHECKING:
    from exporters.measure.latency import LatencySettings
    from exporters.read.preparation import Preparation

FILES: Final = "Any two files"
GATES: Final = "Gates (judged at the pessimistic end of the interval; exit 3 if missed)"
LATENCY: Final = "Latency"
_file, _gate, _latency = (partial(setting, panel=panel) for panel in (FILES, GATES, LATENCY))
_COUNTS, _CHANNELS = "numbers from 1 such as 1,8", "numbers such as 0.485,0.456,0.406"
_Counts = Annotated[
    tuple[Annotated[int, Field(ge=1, lt=10**9)], ...], BeforeValidator(parse_numbers), Field(min_length=1)
]
_Channels = Annotated[tuple[float, ...] | None, BeforeValidator(parse_list)]


class Gates(BaseModel):
    """Limits that the candidate has to keep; ``None`` is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_drop: float | None = _gate(
        None, "Maximum loss of Top-1, in percentage points; negative asks for a gain.", allow_inf_nan=False
    )
    min_speedup: float | None = _gate(
        None,
        "Minimum speed-up over the original, at the smallest batch and the fewest threads.",
        gt=0,
        allow_inf_nan=False,
    )
    max_latency_ms: float | None = _gate(
        None, "Maximum median latency, in milliseconds, at the same setting.", gt=0, allow_inf_nan=False
    )
    max_size_mb: float | None = _gate(None, "Maximum size of the file, in 10^6 bytes.", gt=0, allow_inf_nan=False)
    max_macs: Annotated[int | None, BeforeValidator(parse_count)] = _gate(
        None,
        "Maximum multiply-accumulates for one image: 4000000, 4M, 1.2G.",
        expected="a number such as 4000000, 4M or 1.2G",
        gt=0,
    )

    @property
    def on_latency(self) -> bool:
        """Whether a gate needs the latency."""
        return self.min_speedup is not None or self.max_latency_ms is not None


class VerifySettings(BaseModel):
    """What is measured, for how long, and the gates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_sizes: _Counts = _latency((1, 8), "Batch sizes of the timing, comma-separated.", expected=_COUNTS)
    threads: _Counts = _latency(
        lambda: tuple(sorted({1, usable_cores()})),
        "Thread counts of onnxruntime, comma-separated.",
        shown="1 and all",
        expected=_COUNTS,
    )
    seconds: float = _latency(
        2.5, "Seconds of timing for each pair of files, batch size and thread count.", gt=0, allow_inf_nan=False
    )
    seed: int = _latency(0, "Seed of the order of timing and of the intervals.")
    judged: str | None = _gate(
        None, 'Label of the row that the gates judge, such as "pruned int8".', shown="the candidate", flags=("--row",)
    )
    gates: Gates = Gates()

    @property
    def latency(self) -> "LatencySettings":
        """Settings for the timing of one pair; slow networks may take ten times as long, for enough pairs."""
        from exporters.measure.latency import LatencySettings

        most = max(LatencySettings.max_seconds, 4 * self.seconds)
        return LatencySettings(seed=self.seed, min_seconds=self.seconds, max_seconds=most)


class UserOverrides(BaseModel):
    """What the user states about ONNX files that their metadata does not state; ``None``: nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Annotated[Literal["NCHW", "NHWC"] | None, BeforeValidator(lambda text: text and text.upper())] = _file(
        None, "Order of the input's axes, where its shape leaves it open: nchw or nhwc.", expected="nchw or nhwc"
    )
    mean: _Channels = _file(
        None,
        "Mean of each channel, for pixels from 0 to 1: 0.485,0.456,0.406.",
        shown="from the file, else from the data",
        expected=_CHANNELS,
    )
    std: _Channels = _file(
        None,
        "Standard deviation of each channel, likewise.",
        shown="from the file, else from the data",
        expected=_CHANNELS,
    )
    image_size: int | None = Field(default=None, ge=16, le=1024)

    @model_validator(mode="after")
    def _check_preparation(self) -> Self:
        self.preparation()
        return self

    def preparation(self) -> "Preparation | None":
        """Mean and standard deviation together; ``None`` where neither is given.

        Raises:
            ValueError: one without the other, or out of range.
        """
        if self.mean is None and self.std is None:
            return None
        from exporters.errors import ExportError
        from exporters.read.preparation import Preparation

        try:
            return Preparation(self.mean, self.std)
        except ExportError as error:
            raise ValueError(f"`mean` and `std`: {error}") from None
