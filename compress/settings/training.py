"""The settings of how weights are trained."""

from functools import partial
from typing import Final, Literal, Self

from pydantic import model_validator

from compress.settings.fields import Settings, setting

Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["one-cycle", "cosine", "steps", "constant"]

_training = partial(setting, panel="Training")


class TrainingConfig(Settings):
    """How weights are trained, in every stage; ``None`` means "decided by the network" (``training.recipe``)."""

    lr: float | None = _training(None, "Largest learning rate.", shown="by network and --weights", gt=0, le=100)
    optimizer: Optimizer | None = _training(None, "Optimizer.", shown="adamw")
    weight_decay: float | None = _training(
        None, "Weight decay; biases and normalisation have none.", shown="0.01; sgd: 0.0001", ge=0, le=1
    )
    momentum: float | None = _training(None, "Momentum of sgd.", shown="0.9", ge=0, lt=1)
    label_smoothing: float | None = _training(
        None, "Share of a label that is spread over all classes.", shown="0", ge=0, lt=1
    )
    schedule: Schedule | None = _training(
        None,
        "Learning rate over all epochs: one-cycle rises for a quarter and falls to 0; cosine falls to 0; steps divides "
        "it by ten after each third.",
        shown="one-cycle",
    )
    amp: bool = _training(False, "Train in bfloat16 where it is safe (autocast); CUDA, or a processor that has it.")
    freeze_bn: bool = _training(
        False,
        "Keep BatchNorm's statistics, scales and shifts of the given weights. After the cut, statistics are measured "
        "once.",
    )

    @model_validator(mode="after")
    def _check_momentum(self) -> Self:
        if self.momentum is not None and self.optimizer != "sgd":
            raise ValueError("`momentum` needs `optimizer` sgd: add it, or drop `momentum`")
        return self


TRAINING: Final = tuple(TrainingConfig.model_fields)
"""Names of the settings of training."""
