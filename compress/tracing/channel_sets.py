"""Sets of channels that have to be pruned together, and reasons why some cannot be pruned.

A label is an integer that stands for one channel of the network; label 0 for those that are always there.
"""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


class ChannelSets:
    """A disjoint-set forest over channels. A set with a channel that has to stay cannot be pruned."""

    def __init__(self) -> None:
        self._parent: Labels = np.zeros(1, dtype=np.int64)
        self._reasons: dict[int, str] = {}
        self._slices: dict[bytes, dict[bytes, str]] = {}

    def new(self, count: int) -> Labels:
        """New labels, each a set of its own."""
        labels = np.arange(len(self._parent), len(self._parent) + count, dtype=np.int64)
        self._parent = np.concatenate([self._parent, labels])
        return labels

    def find(self, labels: Labels) -> Labels:
        """The representative of each label's set: its smallest label."""
        while not np.array_equal(above := self._parent[labels], labels):
            labels = above
        return labels

    def tie(self, first: Labels, second: Labels, reason: str) -> None:
        """Join the channels of two rows pairwise; if one of a pair is always there, the other stays for this reason."""
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
        """Mark channels that have to stay; the first reason counts."""
        for label in np.unique(self.find(labels[labels != 0])).tolist():
            self._reasons.setdefault(label, reason)

    def keep_above_all(self, labels: Labels, reason: str) -> None:
        """The same, with a reason that goes before those of other channels in the same set."""
        self._reasons = dict.fromkeys(np.unique(labels[labels != 0]).tolist(), reason) | self._reasons

    def take_slice(self, labels: Labels, where: slice, reason: str) -> Labels:
        """A slice of a row of channels, which stay for this reason if all its slices do not divide the row."""
        positions = np.arange(len(labels))[where]
        self._slices.setdefault(labels.tobytes(), {}).setdefault(positions.tobytes(), reason)
        return labels[where]

    def tie_slices(self) -> None:
        """Tie the slices of a row that is divided into parts of one size; the channels of other rows stay."""
        for row, parts in self._slices.items():
            labels = np.frombuffer(row, dtype=np.int64)
            positions = [np.frombuffer(part, dtype=np.int64) for part in parts]
            alike = len({len(part) for part in positions}) == 1
            if alike and np.array_equal(np.sort(np.concatenate(positions)), np.arange(len(labels))):
                for part, reason in zip(positions[1:], list(parts.values())[1:], strict=True):
                    self.tie(labels[positions[0]], labels[part], reason)
            else:
                self.keep(labels, next(iter(parts.values())))
        self._slices.clear()

    def reasons(self) -> dict[int, str]:
        """Representative of each set that has to stay -> the first reason given for one of its channels."""
        labels = np.fromiter(self._reasons, dtype=np.int64, count=len(self._reasons))
        found: dict[int, str] = {}
        for label, reason in zip(self.find(labels).tolist(), self._reasons.values(), strict=True):
            found.setdefault(label, reason)
        return found
