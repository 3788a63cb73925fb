"""The parts of a report that only a run has: how its files came about."""

from typing import get_args

from pydantic import JsonValue

from compress.runs.frozen import Part
from compress.settings.config import Method
from compress.structure.remove import LayerChange


class BudgetFacts(Part):
    """Fractions of the original asked for (``None``: not asked) and reached, and why they differ."""

    asked_macs: float | None
    asked_parameters: float | None
    achieved_macs: float
    achieved_parameters: float
    align: int
    note: str = ""


class SearchFacts(Part):
    """The search: its settings, when it converged (an epoch from 1) and numbers per epoch.

    Of a method that chooses at once the history is empty.
    """

    preset: str
    population: int
    iterations: int
    converged_at: int | None
    seconds: float
    history: tuple[dict[str, float], ...]


class RemovalFacts(Part):
    """Masked network against physically smaller one, on real images."""

    images: int
    max_abs_difference: float
    tolerance: float
    batchnorm_recalibrated: bool


class RunFacts(Part):
    """How the files came about, where compress made them.

    Attributes:
        config: the run's settings.
        budget: asked and reached.
        layers: channels before and after.
        search: its course.
        removal: masked = smaller network.
        training: stage ("01_baseline", "02_original", "05_finetune") -> numbers per epoch.
        seconds: stage -> how long it took.
    """

    config: dict[str, JsonValue]
    budget: BudgetFacts
    layers: tuple[LayerChange, ...]
    search: SearchFacts
    removal: RemovalFacts
    training: dict[str, tuple[dict[str, float], ...]]
    seconds: dict[str, float]

    @property
    def method(self) -> Method:
        """What chose the channels; runs made before there was a choice say nothing, and were EDropout's."""
        return next((method for method in get_args(Method) if method == self.config.get("method")), "edropout")
