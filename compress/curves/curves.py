"""``Curves``: the observer that passes a run's numbers on to a writer, stage by stage."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

from compress.curves.verdict import verdict_numbers
from compress.observer import Observer
from compress.report.model import Report

VERDICT = "verdict"
"""The group of the final report's numbers, beside the stages' ("01_baseline")."""


class Writer(Protocol):
    """Where numbers go."""

    def write(self, group: str, values: Mapping[str, float], *, step: int) -> None:
        """Add a point to each curve of a group; ``step`` is as in ``Observer.numbers``, and 0 in the verdict."""

    def close(self, error: BaseException | None) -> None:
        """Write what is left, and how the run ended: ``None`` if it finished."""


class Curves(Observer):
    """Training steps, validations, images per second and the verdict; closed when the ``with`` block ends.

    A run is worth more than its curves: if the writer fails, ``note`` is told so once and the run goes on without.
    """

    def __init__(
        self, writer: Writer, note: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._writer: Writer | None = writer
        self._tell = note
        self._clock = clock
        self._stage = ""
        self._since: float | None = None

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:  # noqa: ARG002
        """The numbers to come are of this stage."""
        self._stage, self._since = name, None

    def step(self, done: int, *, images: int, values: Mapping[str, float | str]) -> None:  # noqa: ARG002
        """The speed of a step; its values are means over the epoch, which no curve needs."""
        if images and self._since is not None and (seconds := self._clock() - self._since) > 0:
            self._write(self._stage, {"images_per_second": images / seconds}, step=done)

    def numbers(self, values: Mapping[str, float], *, step: int) -> None:
        """Points at a step; time is taken from here, so that a validation slows no step down."""
        self._write(self._stage, values, step=step)
        self._since = self._clock()

    def verdict(self, report: Report) -> None:
        """The numbers of the final report."""
        self._write(VERDICT, verdict_numbers(report), step=0)

    def _write(self, group: str, values: Mapping[str, float], *, step: int) -> None:
        if self._writer is not None:
            try:
                self._writer.write(group, values, step=step)
            except Exception as error:  # a full disk, a server that is gone: libraries raise anything
                self._writer = None
                self._tell(f"the curves end here: {error}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            try:
                self._writer.close(error)
            except Exception as fault:  # as above
                self._tell(f"the curves may lack their last points: {fault}")
