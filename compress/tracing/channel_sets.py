"""Channels as atoms: which of them can only go together, and which have to stay.

Axes: N labels. Label 0 stands for "no atom": a channel that is always there.
"""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


class ChannelSets:
    """A disjoint-set forest over channels. What is tied to something that has to stay, stays."""

    def __init__(self) -> None:
        self._parent: Labels = np.zeros(1, dtype=np.int64)
        self._reasons: dict[int, str] = {}
        self._taken: dict[bytes, dict[bytes, str]] = {}

    def new(self, count: int) -> Labels:
        """Fresh atoms, each for itself."""
        labels = np.arange(len(self._parent), len(self._parent) + count, dtype=np.int64)
        self._parent = np.concatenate([self._parent, labels])
        return labels

    def find(self, labels: Labels) -> Labels:
        """The atom that stands for each label's set: the oldest one."""
        while True:
            above = self._parent[labels]
            if np.array_equal(above, labels):
                return labels
            labels = above

    def tie(self, first: Labels, second: Labels, reason: str) -> None:
        """Make channels go together, one by one. Where one side is always there, the other has to stay.

        Args:
            first: labels N.
            second: labels N.
            reason: why the atoms stay that meet a channel that is always there.
        """
        one, other = self.find(first), self.find(second)
        self.keep(np.where(other == 0, one, other)[(one == 0) ^ (other == 0)], reason)
        both = (one != 0) & (other != 0)
        one, other = one[both], other[both]
        while True:
            low, high = np.minimum(one, other), np.maximum(one, other)
            apart = low != high
            if not apart.any():
                return
            np.minimum.at(self._parent, high[apart], low[apart])
            one, other = self.find(low[apart]), self.find(high[apart])

    def keep(self, labels: Labels, reason: str) -> None:
        """Say why channels have to stay; the first reason given counts."""
        for atom in np.unique(labels):
            if atom:
                self._reasons.setdefault(int(atom), reason)

    def keep_above_all(self, labels: Labels, reason: str) -> None:
        """The same, with a reason that goes before those given so far."""
        self._reasons = dict.fromkeys(np.unique(labels[labels != 0]).tolist(), reason) | self._reasons

    def take(self, labels: Labels, where: slice, reason: str) -> Labels:
        """Some channels of a row, picked by number; ``settle`` judges it, when all that is taken of the row is known.

        Args:
            labels: the row.
            where: which of its positions.
            reason: why they stay, should the code not take the row apart as a whole.
        """
        positions = np.arange(len(labels))[where]
        self._taken.setdefault(labels.tobytes(), {}).setdefault(positions.tobytes(), reason)
        return labels[where]

    def settle(self) -> None:
        """A row taken apart into parts of one size is tied, so that they stay equal; any other keeps its channels."""
        for row, parts in self._taken.items():
            labels = np.frombuffer(row, dtype=np.int64)
            positions = [np.frombuffer(part, dtype=np.int64) for part in parts]
            alike = len({len(part) for part in positions}) == 1
            if alike and np.array_equal(np.sort(np.concatenate(positions)), np.arange(len(labels))):
                for part, reason in zip(positions[1:], list(parts.values())[1:], strict=True):
                    self.tie(labels[positions[0]], labels[part], reason)
            else:
                self.keep(self.find(labels), next(iter(parts.values())))
        self._taken.clear()

    def reasons(self) -> dict[int, str]:
        """Why sets have to stay: the atom that stands for a set -> the first reason given for any of its atoms."""
        atoms = np.fromiter(self._reasons, dtype=np.int64, count=len(self._reasons))
        found: dict[int, str] = {}
        for atom, reason in zip(self.find(atoms), self._reasons.values(), strict=True):
            found.setdefault(int(atom), reason)
        return found
