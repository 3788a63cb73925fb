"""``Observer``: receives the library's progress. The library never prints."""

from collections.abc import Mapping
from typing import Protocol


class Observer(Protocol):
    """Receives progress. The command line shows it; tests record it; ``Silent`` drops it."""

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """Stage ``index`` of ``count`` (from 1) begins; it has ``steps`` steps (0: unknown)."""

    def step(self, done: int, *, images: int, values: Mapping[str, float | str]) -> None:
        """Step ``done`` (from 1) ended; it took ``images`` images; ``values`` such as loss, epoch."""

    def note(self, text: str) -> None:
        """Something the user has to know: a replaced head, a layer not pruned, a skipped image."""


class Silent:
    """An observer that drops everything."""

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """Drop it."""

    def step(self, done: int, *, images: int, values: Mapping[str, float | str]) -> None:
        """Drop it."""

    def note(self, text: str) -> None:
        """Drop it."""
