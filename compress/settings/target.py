"""Settings of a latency budget: how fast the pruned network has to be, and on what."""

from functools import partial
from pathlib import Path
from typing import Final, Literal

from pydantic import model_validator

from compress.settings.fields import MOST_THREADS, PANELS, Settings, setting

_pruning = partial(setting, None, panel=PANELS[3])

TARGET: Final = ("target_latency_ms", "target_speedup", "target_precision", "target_batch", "target_threads", "target")


class TargetConfig(Settings):
    """A latency as the budget; ``None``: the budget is one of MACs and parameters."""

    target_latency_ms: float | None = _pruning(
        "Milliseconds that a call of the pruned network may take; replaces --keep-macs.", gt=0, le=1e7
    )
    target_speedup: float | None = _pruning(
        "How many times as fast as the original the pruned network has to be; replaces --keep-macs.", gt=1, le=1e3
    )
    target_precision: Literal["float32", "int8"] | None = _pruning(
        "Precision of the file that must meet the target; a speed-up is against the original in float32.",
        shown="float32",
    )
    target_batch: int | None = _pruning("Images in a call, for the target.", shown="1", ge=1, le=4096)
    target_threads: int | None = _pruning("Threads of onnxruntime, for the target.", shown="1", ge=1, le=MOST_THREADS)
    target: Path | None = _pruning(
        "Table of layer times of the device to budget for: device-layers.json.", shown="this machine"
    )

    @property
    def target_setting(self) -> tuple[int, int]:
        """Images in a call, and threads, on this machine: 1 and 1 where the user left them open."""
        return self.target_batch or 1, self.target_threads or 1

    @property
    def target_int8(self) -> bool:
        """Whether the latency is that of an INT8 file."""
        return self.target_precision == "int8"

    @property
    def target_share(self) -> float:
        """The share of the time that a speed-up leaves; 1 for milliseconds and in INT8: a latency model has to say."""
        return 1.0 if self.target_int8 else 1 / (self.target_speedup or 1.0)

    @property
    def has_target(self) -> bool:
        """Whether the budget is a latency."""
        return self.target_latency_ms is not None or self.target_speedup is not None

    @model_validator(mode="after")
    def _check_target(self) -> "TargetConfig":
        if self.target_latency_ms is not None and self.target_speedup is not None:
            raise ValueError("`target_latency_ms` and `target_speedup` are two ways to ask for a latency: give one")
        others = [f"`{name}`" for name in TARGET[2:] if getattr(self, name) is not None]
        if others and not self.has_target:
            needs = "needs" if len(others) == 1 else "need"
            raise ValueError(f"{', '.join(others)} {needs} a latency: add `target_latency_ms` or `target_speedup`")
        if self.target is not None and (self.target_batch is not None or self.target_threads is not None):
            raise ValueError("`target` has its own batch and threads: drop `target_batch` and `target_threads`")
        return self


def check_budget(config: TargetConfig, *, keep_macs: float | None, paper: bool) -> None:
    """ValueError where a latency is asked for beside another budget that it replaces, or of the paper's algorithm."""
    name = "`target_latency_ms`" if config.target_latency_ms is not None else "`target_speedup`"
    if config.has_target and keep_macs:
        raise ValueError(f"{name} takes the place of `keep_macs`: give one of them")
    if config.has_target and paper:
        raise ValueError(f"`preset` paper has no budget: drop {name} or `preset`")
