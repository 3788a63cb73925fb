"""``Observer``: receives the library's progress. The library never prints."""

from collections.abc import Mapping


class Observer:
    """Receives progress and drops it. The command line's observers show it, those of tests record it."""

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """Stage ``index`` of ``count`` (from 1) begins; it has ``steps`` steps (0: unknown)."""

    def step(self, done: int, *, images: int, values: Mapping[str, float | str]) -> None:
        """Step ``done`` (from 1) ended; it took ``images`` images; ``values`` such as loss, epoch."""

    def numbers(self, values: Mapping[str, float], *, step: int) -> None:
        """What a step alone measured, such as loss, learning_rate; or the validation after an epoch's last step.

        ``step`` counts from 1 at the start of the training's schedule, which may be before the stage's.
        """

    def note(self, text: str) -> None:
        """Something the user has to know: a replaced head, a layer not pruned, a skipped image."""


class Observers(Observer):
    """Several observers as one: each receives everything, in the order given."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.stage(name, index=index, count=count, steps=steps)

    def step(self, done: int, *, images: int, values: Mapping[str, float | str]) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.step(done, images=images, values=values)

    def numbers(self, values: Mapping[str, float], *, step: int) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.numbers(values, step=step)

    def note(self, text: str) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.note(text)
