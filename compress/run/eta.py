"""What the stages of a run cost, and how long a run still takes."""

from collections.abc import Mapping

from compress.settings.config import DecidedConfig, Method

# Cost of an epoch of each stage, in epochs of plain training; for stages without epochs, of the whole stage.
# Measured with SqueezeNet on the bundled images, 2 cores. The measured speed of the run then corrects the estimate.
_PAPER_SEARCH = 6.7
_SEARCH: Mapping[Method, float] = {"edropout": 1.9, "anneal": 1.9, "saliency": 1.2}
_CHOICE = 0.4
"""The whole search of a one-shot method, which spends its epochs of search on fine-tuning."""

_REMOVE, _EXPORT, _VERIFY = 0.05, 0.5, 1.7


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
        "05_finetune": float(finetune),
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


class RunEstimate:
    """Estimates the time left in a run from the duration of its stages.

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
        """Seconds until the run ends, in a stage that began ``elapsed`` seconds ago and takes ``left`` more.

        ``None`` if nothing is known about the coming stages.
        """
        if stage not in self._work:
            return None
        names = list(self._work)
        later = sum(self._work[name] for name in names[names.index(stage) + 1 :])
        work = self._done_work + self._work[stage]
        if not work:
            return None
        return left + later * (self._done_seconds + elapsed + left) / work
