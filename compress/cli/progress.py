"""Observers that show: a live display on a terminal, a plain line now and then elsewhere."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from compress.cli.output import is_live
from compress.observer import Observer, Silent

PLAIN_SECONDS = 30.0
_WINDOW_SECONDS = 15.0

Values = Mapping[str, float | str]
Clock = Callable[[], float]


@contextmanager
def watching(console: Console, *, quiet: bool) -> Iterator[Observer]:
    """The observer that suits the console; closed when the block ends."""
    if quiet:
        yield Silent()
    elif is_live(console):
        with _display(console) as progress:
            live = LiveObserver(progress)
            yield live
            live.end_stage()
    else:
        plain = PlainObserver(lambda line: console.print(line, markup=False, soft_wrap=True))
        yield plain
        plain.end_stage()


class Meter:
    """How fast a stage goes, from its last seconds.

    Args:
        steps: the stage's steps, 0 where unknown.
        clock: seconds, from any start.
    """

    def __init__(self, steps: int, clock: Clock = time.monotonic) -> None:
        self._steps = steps
        self._clock = clock
        self._started = clock()
        self._images = 0
        self._marks: deque[tuple[float, int, int]] = deque([(self._started, 0, 0)])

    def add(self, done: int, images: int) -> None:
        """Step ``done`` ended and took ``images`` images."""
        now = self._clock()
        if len(self._marks) == 1 and done > 1 and self._marks[0][1] == 0:
            self._marks[0] = (self._marks[0][0], done - 1, 0)  # a resumed stage starts in its middle
        self._images += images
        self._marks.append((now, done, self._images))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW_SECONDS:
            self._marks.popleft()

    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return self._clock() - self._started

    def images_per_second(self) -> float | None:
        """``None`` before the first step, or where steps take no images."""
        (start, _, before), (end, _, after) = self._marks[0], self._marks[-1]
        return (after - before) / (end - start) if end > start and after > before else None

    def seconds_left(self) -> float | None:
        """Until the stage's end; ``None`` where that cannot be told yet."""
        (start, first, _), (end, last, _) = self._marks[0], self._marks[-1]
        if not self._steps or last == first or end == start:
            return None
        return max(0.0, (self._steps - last) * (end - start) / (last - first))


class PlainObserver:
    """Writes a line when a stage begins and ends, and every ``PLAIN_SECONDS`` in between."""

    def __init__(self, write: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._label = ""
        self._steps = 0
        self._last: tuple[int, Values] | None = None
        self._meter = Meter(0, clock)
        self._written = clock()

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """End the stage before, announce this one."""
        self.end_stage()
        self._label, self._steps, self._last = f"[{index}/{count}] {name}", steps, None
        self._meter = Meter(steps, self._clock)
        self._written = self._clock()
        self._write(f"{self._label}: begins" + (f", {steps} steps" if steps else ""))

    def step(self, done: int, *, images: int, values: Values) -> None:
        """Write a line if the last is old enough."""
        self._meter.add(done, images)
        self._last = (done, values)
        if self._clock() - self._written >= PLAIN_SECONDS:
            self._written = self._clock()
            total = f"/{self._steps}" if self._steps else ""
            self._write(", ".join([f"{self._label}: step {done}{total}", *_parts(values, self._meter)]))

    def note(self, text: str) -> None:
        """Write it at once."""
        self._write(f"Note: {text}")

    def end_stage(self) -> None:
        """Write the stage's last values and its duration, once."""
        if self._label:
            values = _values(self._last[1]) if self._last else []
            self._write(", ".join([f"{self._label}: {duration(self._meter.elapsed())}", *values]))
            self._label = ""


class LiveObserver:
    """One row a stage: bar, values, images per second, time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: Task | None = None
        self._meter = Meter(0)

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """Complete the row before, begin a new one."""
        self.end_stage()
        self._meter = Meter(steps)
        number = self._progress.add_task(f"[{index}/{count}] {name}", total=steps or None, meter=self._meter, values={})
        self._task = next(task for task in self._progress.tasks if task.id == number)

    def step(self, done: int, *, images: int, values: Values) -> None:
        """Move the row's bar."""
        self._meter.add(done, images)
        if self._task is not None:
            self._progress.update(self._task.id, completed=done, values=dict(values))

    def note(self, text: str) -> None:
        """Print it above the rows."""
        self._progress.console.print(f"Note: {text}", markup=False)

    def end_stage(self) -> None:
        """Complete the row."""
        if self._task is not None:
            total = self._task.total or self._task.completed or 1
            self._progress.update(self._task.id, total=total, completed=total)
            self._task = None


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 5 s``, ``2 h 7 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class _State(ProgressColumn):
    """Values and speed of a running stage, duration of a finished one."""

    def render(self, task: Task) -> Text:
        meter: Meter = task.fields["meter"]
        if task.finished:
            return Text(", ".join([duration(task.finished_time or 0.0), *_values(task.fields["values"])]))
        return Text(", ".join([duration(meter.elapsed()), *_parts(task.fields["values"], meter)]))


@contextmanager
def _display(console: Console) -> Iterator[Progress]:
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        _State(),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        yield progress


def _parts(values: Values, meter: Meter) -> list[str]:
    parts = _values(values)
    if speed := meter.images_per_second():
        parts.append(f"{speed:.0f} images/s")
    if (left := meter.seconds_left()) is not None:
        parts.append(f"{duration(left)} left")
    return parts


def _values(values: Values) -> list[str]:
    return [f"{name} {value if isinstance(value, str) else format(value, '.4g')}" for name, value in values.items()]
