"""How fast a run goes, and how long it still takes."""

import time
from collections import deque
from collections.abc import Callable, Mapping

from compress.settings.config import DecidedConfig, Method

_WINDOW_SECONDS = 15.0

Clock = Callable[[], float]

# Cost of an epoch, in epochs of the original's plain training, and of the stages that have none.
# Measured with SqueezeNet on the bundled images, 2 cores; the speed of the run then corrects the estimate.
_PAPER_SEARCH = 6.7
_SEARCH: Mapping[Method, float] = {"edropout": 1.9, "anneal": 1.9, "saliency": 1.2}
_CHOICE = 0.4
"""Of a method that chooses at once, whole; its epochs of search go to the fine-tuning."""

_FINETUNE, _REMOVE, _EXPORT, _VERIFY = 1.0, 0.05, 0.5, 1.7


def expected_work(config: DecidedConfig) -> dict[str, float]:
    """What each stage of a run costs, in epochs of plain training.

    Args:
        config: settings with every open value decided.
    """
    search, finetune = _search_and_finetuning(config)
    return {
        "01_baseline": 0.0 if config.weights else float(config.baseline_epochs),
        "02_original": float(config.search_epochs + config.finetune_epochs) if config.train_original else 0.0,
        "03_search": search,
        "04_remove": _REMOVE,
        "05_finetune": _FINETUNE * finetune,
        "06_export": _EXPORT,
        "07_verify": _VERIFY,
    }


def _search_and_finetuning(config: DecidedConfig) -> tuple[float, int]:
    """The search's work, and the epochs of fine-tuning."""
    if config.preset == "paper":
        return _PAPER_SEARCH * config.search_epochs, config.finetune_epochs
    if config.method in _SEARCH:
        return _SEARCH[config.method] * config.search_epochs, config.finetune_epochs
    fresh = config.baseline_epochs if config.method == "scratch" and not config.weights else 0
    return _CHOICE, config.search_epochs + config.finetune_epochs + fresh


class RunClock:
    """Estimates the rest of the run from how long its stages take.

    Args:
        work: expected work of the stages in their order, in any unit.
    """

    def __init__(self, work: Mapping[str, float]) -> None:
        self._work = work
        self._done_work = 0.0
        self._done_seconds = 0.0

    def finished(self, stage: str, seconds: float) -> None:
        """A stage took ``seconds``."""
        self._done_work += self._work.get(stage, 0.0)
        self._done_seconds += seconds

    def seconds_left(self, stage: str, *, elapsed: float, left: float) -> float | None:
        """Until the run's end, in a stage that began ``elapsed`` seconds ago and takes ``left`` more.

        ``None`` where nothing is known of the stages to come.
        """
        if stage not in self._work:
            return None
        names = list(self._work)
        later = sum(self._work[name] for name in names[names.index(stage) + 1 :])
        work = self._done_work + self._work[stage]
        if not work:
            return None
        return left + later * (self._done_seconds + elapsed + left) / work


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


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 5 s``, ``2 h 7 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
