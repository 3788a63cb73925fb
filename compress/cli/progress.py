"""Observers that show: a live display on a terminal, a plain line now and then elsewhere."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from compress.cli.output import is_live
from compress.observer import Observer, Silent
from compress.run.eta import Clock, Meter, RunClock, duration

PLAIN_SECONDS = 30.0

Values = Mapping[str, float | str]


@contextmanager
def watching(console: Console, work: Mapping[str, float], *, quiet: bool) -> Iterator[Observer]:
    """The observer that suits the console; closed when the block ends.

    Args:
        console: where to show.
        work: expected work of the run's stages in their order, in any unit.
        quiet: show nothing.
    """
    run = RunClock(work)
    if quiet:
        yield Silent()
    elif is_live(console):
        with _display(console) as progress:
            live = LiveObserver(progress, run)
            yield live
            live.end_stage()
    else:
        plain = PlainObserver(lambda line: console.print(line, markup=False, soft_wrap=True), run)
        yield plain
        plain.end_stage()


class _Stage:
    """The stage that runs: its label, its last values, its speed."""

    def __init__(self, name: str, label: str, *, meter: Meter, run: RunClock) -> None:
        self.label = f"{label} {re.sub(r'^[0-9]+_', '', name)}"
        self.meter = meter
        self.values: Values = {}
        self._name = name
        self._run = run

    def last_values(self) -> list[str]:
        """``loss 0.1234`` and so on."""
        return [f"{name} {_text(value)}" for name, value in self.values.items()]

    def outlook(self) -> list[str]:
        """Images per second, time left in the stage and in the run, as far as they are known."""
        parts = []
        if speed := self.meter.images_per_second():
            parts.append(f"{speed:.0f} images/s")
        if (left := self.meter.seconds_left()) is not None:
            parts.append(f"{duration(left)} left")
            in_run = self._run.seconds_left(self._name, elapsed=self.meter.elapsed(), left=left)
            if in_run is not None:
                parts.append(f"run {duration(in_run)}")
        return parts

    def end(self) -> float:
        """Tell the run's clock, and return the stage's seconds."""
        seconds = self.meter.elapsed()
        self._run.finished(self._name, seconds)
        return seconds


class PlainObserver:
    """Writes a line when a stage begins and ends, and every ``PLAIN_SECONDS`` in between."""

    def __init__(self, write: Callable[[str], None], run: RunClock, clock: Clock = time.monotonic) -> None:
        self._write = write
        self._run = run
        self._clock = clock
        self._stage: _Stage | None = None
        self._total = ""
        self._written = clock()

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """End the stage before, announce this one."""
        self.end_stage()
        self._stage = _Stage(name, f"[{index}/{count}]", meter=Meter(steps, self._clock), run=self._run)
        self._total = f"/{steps}" if steps else ""
        self._written = self._clock()
        self._write(f"{self._stage.label}: begins" + (f", {steps} steps" if steps else ""))

    def step(self, done: int, *, images: int, values: Values) -> None:
        """Write a line if the last is old enough."""
        if self._stage is None:
            return
        self._stage.meter.add(done, images)
        self._stage.values = values
        if self._clock() - self._written >= PLAIN_SECONDS:
            self._written = self._clock()
            parts = [f"step {done}{self._total}", *self._stage.last_values(), *self._stage.outlook()]
            self._write(f"{self._stage.label}: {', '.join(parts)}")

    def note(self, text: str) -> None:
        """Write it at once."""
        self._write(f"Note: {text}")

    def end_stage(self) -> None:
        """Write the stage's duration and last values, once."""
        if self._stage is not None:
            parts = [duration(self._stage.end()), *self._stage.last_values()]
            self._write(f"{self._stage.label}: {', '.join(parts)}")
            self._stage = None


class LiveObserver:
    """One row a stage: bar, values, images per second, time left."""

    def __init__(self, progress: Progress, run: RunClock) -> None:
        self._progress = progress
        self._run = run
        self._stage: _Stage | None = None
        self._task: Task | None = None

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """Complete the row before, begin a new one."""
        self.end_stage()
        self._stage = _Stage(name, f"[{index}/{count}]", meter=Meter(steps), run=self._run)
        number = self._progress.add_task(self._stage.label, total=steps or None, stage=self._stage)
        self._task = next(task for task in self._progress.tasks if task.id == number)

    def step(self, done: int, *, images: int, values: Values) -> None:
        """Move the row's bar."""
        if self._stage is not None and self._task is not None:
            self._stage.meter.add(done, images)
            self._stage.values = dict(values)
            self._progress.update(self._task.id, completed=done)

    def note(self, text: str) -> None:
        """Print it above the rows."""
        self._progress.console.print(f"Note: {text}", markup=False)

    def end_stage(self) -> None:
        """Complete the row."""
        if self._stage is not None and self._task is not None:
            self._stage.end()
            total = self._task.total or self._task.completed or 1
            self._progress.update(self._task.id, total=total, completed=total)
            self._stage = self._task = None


class _State(ProgressColumn):
    """Values and speed of a running stage, duration of a finished one."""

    def render(self, task: Task) -> Text:
        stage: _Stage = task.fields["stage"]
        if task.finished:
            return Text(", ".join([duration(task.finished_time or 0.0), *stage.last_values()]))
        return Text(", ".join([duration(stage.meter.elapsed()), *stage.last_values(), *stage.outlook()]))


def _display(console: Console) -> Progress:
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        _State(),
    )
    return Progress(*columns, console=console, refresh_per_second=4)


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
