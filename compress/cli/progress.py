"""Observers that show progress: bars on a terminal, a line now and then elsewhere. Rich measures speed and time."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from compress.cli.output import is_live, message_console
from compress.escaping import printable, printable_lines
from compress.observer import Observer
from compress.report.figures import duration
from compress.run.eta import RunEstimate

PLAIN_SECONDS = 30.0
_SPEED_SECONDS = 120.0  # slow steps take half a minute; rich needs two of them for a speed

_NOT_SHOWN = ("learning_rate", "energy_spread")  # numbers for curves; a line has room for a few

Values = Mapping[str, float | str]


@contextmanager
def watching(work: Mapping[str, float], *, quiet: bool, console: Console | None = None) -> Iterator[Observer]:
    """The observer that suits the console (stderr), closed when the block ends.

    ``work`` is the expected work of the run's stages in their order, in any unit.
    """
    console, run = console or message_console(), RunEstimate(work)
    if quiet:
        yield Observer()
        return
    if not is_live(console):
        plain = PlainObserver(lambda line: console.print(Text(printable_lines(line)), soft_wrap=True), run)
        yield plain
        plain.end_stage()
        return
    name = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(finished_text="✓"), name, BarColumn(20), _State())
    with Progress(*columns, console=console, refresh_per_second=4, speed_estimate_period=_SPEED_SECONDS) as progress:
        live = LiveObserver(progress, run)
        yield live
        live.end_stage()


class LiveObserver(Observer):
    """One row for each stage: bar, values, images per second, time left."""

    def __init__(self, progress: Progress, run: RunEstimate) -> None:
        self._progress = progress
        self._run = run
        self._name = ""
        self._task: Task | None = None

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """Complete the row before, begin a new one."""
        self.end_stage()
        self._name = name
        label = printable(f"[{index}/{count}] {re.sub(r'^[0-9]+_', '', name)}")
        self._progress.add_task(label, total=steps or None, seen=0, images=0, values=[], outlook=self._outlook)
        self._task = self._progress.tasks[-1]

    def step(self, done: int, *, images: int, values: Values) -> None:
        """Move the row's bar."""
        if self._task is not None:
            seen, all_images = self._task.fields["seen"] + 1, self._task.fields["images"] + images
            shown = [
                f"{name} {value if isinstance(value, str) else f'{value:.4g}'}"
                for name, value in values.items()
                if name not in _NOT_SHOWN
            ]
            self._progress.update(self._task.id, completed=done, seen=seen, images=all_images, values=shown)

    def note(self, text: str) -> None:
        """Print it above the rows."""
        self._progress.console.print(Text(printable_lines(f"Note: {text}")))

    def end_stage(self) -> None:
        """Complete the row."""
        if self._task is not None:
            self._run.finished(self._name, self._task.elapsed or 0.0)
            total = self._task.total or self._task.completed or 1
            self._progress.update(self._task.id, total=total, completed=total)
            self._task = None

    def _outlook(self, task: Task) -> list[str]:
        """Images per second, time left in the stage and in the run, as far as they are known."""
        parts = []
        if task.speed and task.fields["images"]:
            parts.append(f"{task.speed * task.fields['images'] / task.fields['seen']:.0f} images/s")
        if (left := task.time_remaining) is not None:
            parts.append(f"{duration(left)} left")
            in_run = self._run.seconds_left(self._name, elapsed=task.elapsed or 0.0, left=left)
            if in_run is not None:
                parts.append(f"run {duration(in_run)}")
        return parts


class PlainObserver(LiveObserver):
    """Writes a line when a stage begins and ends, and every ``PLAIN_SECONDS`` in between; draws nothing."""

    def __init__(
        self, write: Callable[[str], None], run: RunEstimate, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(Progress(disable=True, get_time=clock, speed_estimate_period=_SPEED_SECONDS), run)
        self._write = write
        self._clock = clock
        self._written = clock()

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """End the stage before, announce this one."""
        super().stage(name, index=index, count=count, steps=steps)
        self._written = self._clock()
        self._line("begins" + (f", {steps} steps" if steps else ""))

    def step(self, done: int, *, images: int, values: Values) -> None:
        """Write a line if the last is old enough."""
        super().step(done, images=images, values=values)
        if self._task is not None and self._clock() - self._written >= PLAIN_SECONDS:
            self._written = self._clock()
            total = f"/{self._task.total:.0f}" if self._task.total else ""
            self._line(f"step {done}{total}", *self._task.fields["values"], *self._outlook(self._task))

    def note(self, text: str) -> None:
        """Write it at once."""
        self._write(f"Note: {text}")

    def end_stage(self) -> None:
        """Write the stage's duration and last values, once."""
        if self._task is not None:
            self._line(duration(self._task.elapsed or 0.0), *self._task.fields["values"])
        super().end_stage()

    def _line(self, *parts: str) -> None:
        assert self._task is not None, "a stage has begun"
        self._write(f"{self._task.description}: {', '.join(parts)}")


class _State(ProgressColumn):
    """Duration and values of a stage; of a running one also its speed and time left."""

    def render(self, task: Task) -> Text:
        seconds = task.finished_time if task.finished_time is not None else task.elapsed
        outlook = [] if task.finished else task.fields["outlook"](task)
        return Text(printable(", ".join([duration(seconds or 0.0), *task.fields["values"], *outlook])))
