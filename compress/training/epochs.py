"""Which epochs of a schedule a stage trains."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Epochs:
    """The epochs after epoch ``first`` until the end of epoch ``last``, of a schedule of ``total`` epochs."""

    first: int
    last: int
    total: int

    @classmethod
    def all(cls, total: int) -> "Epochs":
        """A whole schedule."""
        return cls(0, total, total)

    @property
    def count(self) -> int:
        """How many."""
        return self.last - self.first
