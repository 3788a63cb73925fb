"""Settings of ``compress verify``: what is measured, the gates, and what the user states about files."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from compress.environment import usable_cores
from compress.exporter_faults import export_faults
from compress.settings.fields import MOST_THREADS, SEEDS, Settings, parse_count, parse_numbers, setting
from compress.settings.preprocessing import PreprocessingSettings

if TYPE_CHECKING:
    from exporters.measure.latency import LatencySettings

FILES: Final = "Any two files"
_GATES: Final = "Gates (judged at the pessimistic end of the interval; exit 3 if missed)"
_file, _latency = partial(setting, panel=FILES), partial(setting, panel="Latency")
_gate = partial(setting, None, panel=_GATES)
_BatchSizes = Annotated[
    tuple[Annotated[int, Field(ge=1, lt=10**9)], ...], BeforeValidator(parse_numbers), Field(min_length=1)
]
_ThreadCounts = Annotated[
    tuple[Annotated[int, Field(ge=1, le=MOST_THREADS)], ...], BeforeValidator(parse_numbers), Field(min_length=1)
]
_POSITIVE: Final[dict[str, Any]] = {"gt": 0, "allow_inf_nan": False}


class Gates(Settings):
    """Limits that the candidate has to keep; ``None`` is no limit."""

    max_drop: float | None = _gate(
        "Maximum loss of Top-1, in percentage points; negative asks for a gain.", allow_inf_nan=False
    )
    max_int8_drop: float | None = _gate(
        "Maximum loss of Top-1 of every INT8 file against the file it was made from, in percentage points.",
        allow_inf_nan=False,
    )
    min_speedup: float | None = _gate(
        "Minimum speed-up over the original, at the smallest batch and the fewest threads.", **_POSITIVE
    )
    max_latency_ms: float | None = _gate("Maximum median latency, in milliseconds, at the same setting.", **_POSITIVE)
    max_size_mb: float | None = _gate("Maximum size of the file, in 10^6 bytes.", **_POSITIVE)
    max_macs: Annotated[int | None, BeforeValidator(parse_count)] = _gate(
        "Maximum multiply-accumulates for one image: 4000000, 4M, 1.2G.",
        expected="a number such as 4000000, 4M or 1.2G",
        gt=0,
    )

    @property
    def on_latency(self) -> bool:
        """Whether a gate needs the latency."""
        return self.min_speedup is not None or self.max_latency_ms is not None


class VerifySettings(Settings):
    """What is measured, for how long, and the gates."""

    batch_sizes: _BatchSizes = _latency(
        (1, 8), "Batch sizes of the timing, comma-separated.", expected="numbers from 1 such as 1,8"
    )
    threads: _ThreadCounts = _latency(
        lambda: tuple(sorted({1, usable_cores()})),
        "Thread counts of onnxruntime, comma-separated.",
        shown="1 and all",
        expected=f"numbers from 1 to {MOST_THREADS} such as 1,8",
    )
    seconds: float = _latency(
        2.5, "Seconds of timing for each pair of files, batch size and thread count.", **_POSITIVE
    )
    provider: str = _latency(
        "cpu", "Execution provider of onnxruntime that answers and is timed: cpu, openvino, cuda, ..."
    )
    seed: int = _latency(0, "Seed of the order of timing and of the intervals.", **SEEDS)
    judged: str | None = _gate(
        'Label of the row that the gates judge, such as "pruned int8".', shown="the candidate", flags=("--row",)
    )
    gates: Gates = Gates()

    def find_provider(self) -> str:
        """The provider's full name, "OpenVINOExecutionProvider"; UsageError if this onnxruntime has none such."""
        from exporters.device.providers import choose_provider

        with export_faults():
            return choose_provider(self.provider)

    @property
    def latency(self) -> "LatencySettings":
        """Settings for the timing of one pair."""
        from exporters.measure.latency import LatencySettings

        return LatencySettings.lasting(self.seconds, seed=self.seed)


class UserOverrides(PreprocessingSettings):
    """What the user states about ONNX files that their metadata does not state; ``None``: nothing."""

    layout: Annotated[Literal["NCHW", "NHWC"] | None, BeforeValidator(lambda text: text and text.upper())] = _file(
        None, "Order of the input's axes, where its shape leaves it open: nchw or nhwc.", expected="nchw or nhwc"
    )
