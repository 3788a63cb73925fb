"""How the default search goes: settings for experiments; ``benchmarks/ablation.md`` says what each is worth."""

from functools import partial
from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from compress.settings.fields import Settings, parse_list, setting

_share = partial(setting, ge=0, le=1, validate_default=True)


class SearchSettings(Settings):
    """The evolution of allocations, guided by saliency (``edropout/README.md`` has the equations)."""

    period: int = setting(24, "Steps from one generation to the next, at most.", ge=1)
    images: int = setting(32, "Images of a mini-batch on which energies are measured.", ge=2)
    warm: float = _share(0.05, "Share of the search with the whole network.")
    shrunk: float = _share(0.75, "Share of the search after which the budget is reached.")
    frozen: float = _share(0.9, "Share of the search after which the state stays.")
    sticky: float = setting(0.2, "Added to the keys of units in use.", ge=0)
    by_cost: bool = setting(True, "Half the logarithm of what a unit costs is subtracted from its key.")
    memory: float = setting(0.98, "Memory of the running mean squares that are the saliency.", ge=0, lt=1)
    bound: float = setting(1.0, "Largest offset of a group, in units of the logarithm of saliency.", gt=0)
    parents: float = setting(0.0, "Memory of the parents' running mean energies; 0: the last alone.", ge=0, lt=1)
    member: Literal["best", "drawn"] = setting("best", "The member that trains: the best, or one drawn at random.")
    batchnorm: Literal["running", "batch"] = setting(
        "running", "Statistics with which states are judged: the running ones, or those of the judged images."
    )
    answers: Literal["labels", "teacher"] = setting("labels", "Right answers in energies: labels, or the teacher's.")
    push: bool = setting(
        True,
        "The search trains a copy of the original, whose weights are discarded; then the weights of dropped units "
        "shrink towards zero while the network trains on. Without it the searched network itself is cut.",
    )
    length: float = setting(
        0.33,
        "Length of a search before a push, as a share of the epochs from --search-start to --search-end; twice as long "
        "for budgets below a fifth.",
        gt=0,
        le=1,
    )
    distill: bool = setting(True, "The teacher's answers are in the loss of the search, too.")

    @field_validator("shrunk", "frozen")
    @classmethod
    def _check_after_warm(cls, share: float, info: ValidationInfo) -> float:
        """Between ``warm`` and these the budget shrinks and states evolve."""
        warm = info.data.get("warm", 0.0)
        if share <= warm:
            raise ValueError(f"expected more than warm, which is {warm:g}, got {share:g}")
        return share


def parse_search(value: Any) -> Any:
    """``period=8,images=32`` as a table of settings."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in parse_list(value) if part]
    if any(not equals for _, equals, _ in parts):
        raise ValueError(value)
    return {key.strip(): number.strip() for key, _, number in parts}
