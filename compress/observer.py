"""``Observer``: receives the library's progress. The library never prints."""

from collections.abc import Mapping


class Observer:
    """Receives progress and drops it. The command line's observers show it, those of tests record it."""

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:
        """Stage ``index`` of ``count`` (from 1) begins; it has ``steps`` steps (0: unknown)."""

    def step(self, done: int, *, images: int, values: Mapping[str, float | str]) -> None:
        """Step ``done`` (from 1) ended; it took ``images`` images; ``values`` such as loss, epoch."""

    def note(self, text: str) -> None:
        """Something the user has to know: a replaced head, a layer not pruned, a skipped image."""
