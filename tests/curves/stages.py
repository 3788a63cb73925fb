"""A stage of training with known numbers, whole or stopped and resumed."""

from collections.abc import Callable

import pytest

from compress.curves.curves import Curves
from compress.errors import InterruptedRun
from compress.observer import Observer
from compress.training.loop import Body, LoopHooks, LoopSettings, run_loop
from tests.helpers.splits import learnable_split

EPOCHS = 3
STEPS_OF_ALL = range(1, 13)
"""100 images in batches of 25, three times."""


class Known(Body):
    """Step n has the loss 10 - n."""

    def __init__(self) -> None:
        self.done = 0

    def step(self, _images, _labels, _places):
        self.done += 1
        return {"loss": 10.0 - self.done, "accuracy": 0.5, "learning_rate": 0.1 / self.done}

    def end_epoch(self, epoch):
        return {"val_loss": 5.0 - epoch}

    def state_dict(self):
        return {"done": self.done}

    def load_state_dict(self, state):
        self.done = state["done"]


def train(observer: Observer, *, saved: dict | None = None, stop_after: int = 0) -> list[dict]:
    """The states that a stage saves, one at the end of every epoch; it goes on from ``saved``."""
    states, body = [], Known()
    hooks = LoopHooks(
        observer,
        should_stop=lambda: 15 if body.done == stop_after else None,
        save=lambda state: states.append(state | {"progress": state["progress"].copy()}),
        load=lambda: saved,
    )
    observer.stage("03_search", index=3, count=7, steps=EPOCHS * 4)
    run_loop(body, learnable_split(), LoopSettings(epochs=EPOCHS, batch_size=25, seed=0), hooks)
    return states


def train_in_two_parts(begin: Callable[[], Curves], resume: Callable[[], Curves]) -> None:
    """The first part ends after step 6; the second goes on after step 4, as after a kill, and repeats two steps."""
    with pytest.raises(InterruptedRun), begin() as first:
        train(first, stop_after=6)
    after_one_epoch = train(Observer())[0]
    with resume() as second:
        train(second, saved=after_one_epoch)
