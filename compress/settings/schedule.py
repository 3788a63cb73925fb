"""The one schedule of a run: how many epochs it has, and where in it the search lies."""

from functools import partial
from typing import Final, Literal, TypedDict

from compress.errors import UsageError
from compress.settings.fields import Settings, setting

Preset = Literal["default", "paper"]

EPOCHS: Final = 22
EPOCHS_GIVEN: Final = 14
"""Epochs of fresh weights, and of given ones, which are trained already."""

PAPER_EPOCHS: Final = 200

_START: Final = {"default": 4, "paper": 10}  # search_start is this part of the epochs
_END: Final = {"default": 3 / 8, "paper": 1 / 2}  # search_end this share of them

_training = partial(setting, panel="Training")


class ScheduleConfig(Settings):
    """The epochs of a run, passes over the training split; ``None``: see ``decide_schedule``."""

    epochs: int | None = _training(
        None,
        "Epochs of the whole training, in one schedule of the learning rate.",
        shown=f"{EPOCHS}; with --weights {EPOCHS_GIVEN}; paper: {PAPER_EPOCHS}",
        ge=1,
        le=100_000,
    )
    search_start: int | None = _training(
        None,
        "Epochs of training before channels are chosen and pushed out.",
        shown="a quarter of the epochs; with --weights 0; paper: a tenth",
        ge=0,
    )
    search_end: int | None = _training(
        None,
        "Last epoch of the push; the network is cut after it. Methods that choose at once do so half way from "
        "--search-start to this.",
        shown="three eighths of the epochs; paper: half",
        ge=1,
    )


class Schedule(TypedDict):
    """The settings of ``ScheduleConfig``, decided."""

    epochs: int
    search_start: int
    search_end: int


def decide_schedule(config: ScheduleConfig, *, preset: Preset, weights: bool) -> Schedule:
    """What the user left open is decided; with given ``weights`` the search begins at once.

    The paper's 200 epochs are searched from epoch 21 to 100. Here the first 20 train the whole network: see the
    method's card.
    """
    usual = PAPER_EPOCHS if preset == "paper" else EPOCHS_GIVEN if weights else EPOCHS
    epochs, start, end = config.epochs or usual, config.search_start, config.search_end
    if start is None:
        start = 0 if weights else epochs // _START[preset]
        start = start if end is None else max(0, min(start, end - 1))
    if end is None:
        end = max(int(epochs * _END[preset]), start + 1)
    return Schedule(epochs=epochs, search_start=start, search_end=end)


def check_schedule(schedule: Schedule) -> None:
    """Raise ValueError unless at least one of the epochs is between the search's start and its end."""
    epochs, start, end = schedule["epochs"], schedule["search_start"], schedule["search_end"]
    if not 0 <= start < end <= epochs:
        raise ValueError(
            "expected `search_start` < `search_end` <= `epochs` (the cut is made after epoch `search_end`), got "
            f"{start}, {end} and {epochs}"
        )


def schedule_with_fresh_head(schedule: Schedule, *, preset: Preset) -> Schedule:
    """The schedule where given weights have no head for these classes: the whole network is trained first.

    UsageError if there are too few epochs.
    """
    epochs, end = schedule["epochs"], schedule["search_end"]
    start = schedule["search_start"] or max(1, min(epochs // _START[preset], end - 1))
    if end <= start:
        usual = decide_schedule(ScheduleConfig(epochs=epochs), preset=preset, weights=True)
        if end != usual["search_end"]:
            raise UsageError(
                "the head starts fresh, so the whole network is trained before the search: expected --search-end of "
                f"at least {start + 1}, got {end}"
            )
        end = start + 1
    if end > epochs:
        raise UsageError(
            f"the head starts fresh, so the whole network is trained before the search: expected at least {end} "
            f"--epochs, got {epochs}"
        )
    return Schedule(epochs=epochs, search_start=start, search_end=end)
