"""What the stages of a run cost, and how long a run still takes."""

from collections.abc import Mapping

from compress.run.evolve import pushes, search_epochs
from compress.run.training_stages import choice_epoch
from compress.runs.stage_context import PUSH
from compress.settings.config import KEEP_MACS, DecidedConfig, Method

# Cost of an epoch of each stage, in epochs of plain training; for stages without epochs, of the whole stage.
# Measured with SqueezeNet on the bundled images, 1 thread. The measured speed of the run then corrects the estimate.
_PAPER_SEARCH = 6.7
_SEARCH: Mapping[Method, float] = {"edropout": 1.25, "anneal": 1.25, "saliency": 1.15, "one-cycle": 1.05}
_PUSH = 1.05
_CHOICE = 0.4
"""The choice of a one-shot method, in epochs of plain training."""

_TEACHER = 0.6
"""Two forward passes of the teacher over the training images."""


def expected_work(config: DecidedConfig) -> dict[str, float]:
    """What each stage of a run costs, in epochs of plain training."""
    start, cut = config.search_start, config.search_end
    per_epoch = _PAPER_SEARCH if config.preset == "paper" else _SEARCH.get(config.method)
    if per_epoch is None:
        cut = choice_epoch(config)
        search = _CHOICE + max(0, cut - start)
    else:
        search = per_epoch * search_epochs(config).count
    return {
        "01_baseline": float(start),
        "02_original": float(config.epochs - start) if config.train_original or start else 0.0,
        "03_search": search + (_TEACHER if config.distill else 0.0),
        **({PUSH: _PUSH * (cut - start)} if pushes(config) else {}),
        "04_remove": 0.05,
        "05_finetune": _of_smaller(config) * (config.epochs - cut),
        "06_export": 0.5,
        "07_verify": 1.7,
    }


def _of_smaller(config: DecidedConfig) -> float:
    """An epoch of the smaller network: not all of a step is multiply-accumulates."""
    limited = config.keep_macs or config.keep_params or config.target_share < 1
    return 0.25 + 0.75 * (config.budget_share if limited else KEEP_MACS)


class RunEstimate:
    """The time left in a run, from the expected ``work`` of its stages in their order, in any unit."""

    def __init__(self, work: Mapping[str, float]) -> None:
        self._work = work
        self._done_work = 0.0
        self._done_seconds = 0.0

    def finished(self, stage: str, seconds: float) -> None:
        """A stage took ``seconds``."""
        self._done_work += self._work.get(stage, 0.0)
        self._done_seconds += seconds

    def seconds_left(self, stage: str, *, elapsed: float, left: float) -> float | None:
        """Seconds until the run ends, in a stage that began ``elapsed`` seconds ago and takes ``left`` more.

        ``None`` if nothing is known about the coming stages.
        """
        work = self._done_work + self._work.get(stage, 0.0)
        if stage not in self._work or not work:
            return None
        names = list(self._work)
        later = sum(self._work[name] for name in names[names.index(stage) + 1 :])
        return left + later * (self._done_seconds + elapsed + left) / work
