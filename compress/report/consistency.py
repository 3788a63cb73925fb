"""What a report states, checked for what its documents do with it: look up classes, divide, draw epochs.

A report may come from anywhere, so each of its numbers that is an index, a divisor or a length has a rule here.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from compress.report.devices.model import LEAST, device_faults, timing_faults
from compress.settings.verify import Gates

if TYPE_CHECKING:  # it asks here
    from compress.report.model import Report

_GATES: Final = frozenset(name.replace("_", "-") for name in Gates.model_fields)
_MOST_EPOCHS: Final = 10**9


def faults_of(report: "Report") -> Iterator[str]:
    """Everything that does not fit, each as "expected ..., got ..."."""
    yield from _networks(report)
    yield from _classes(report)
    yield from _divisors(report)
    yield from _epochs(report)
    for device in report.devices:
        yield from device_faults(device, classes=len(report.data.classes))
    for gate in report.gates:
        if gate.gate not in _GATES:
            yield f"expected a gate of {', '.join(sorted(_GATES))}, got {gate.gate!r:.80}"


def _networks(report: "Report") -> Iterator[str]:
    roles = [network.role for network in report.networks]
    if roles.count("original") != 1 or roles.count("candidate") != 1:
        yield f"expected one original and one candidate among the networks, got {roles}"
    for network in report.networks:
        if network.drop is None and (network.role == "candidate" or network.source is not None):
            yield f"expected the {network.role}'s drop against the original, got none"
        if network.source_drop is None and network.source is not None:
            yield f"expected the drop of {network.label!r:.80} against the file that it was made from, got none"
    labels = {network.label for network in report.networks}
    if len(labels) != len(report.networks):
        yield f"expected a label of its own for every network, got {sorted(labels)}"
    named = {label for row in report.latency for label in (row.original, row.candidate)}
    named |= {network.source for network in report.networks if network.source is not None}
    if not named <= labels:
        yield f"expected labels of networks, got {sorted(named - labels)}"


def _classes(report: "Report") -> Iterator[str]:
    """Classes are stated by number."""
    numbers = {number for image in report.changed for number in (image.truth, image.original, image.candidate)}
    for comparison in (network.comparison for network in report.networks if network.comparison is not None):
        numbers |= {drop.label for drop in comparison.classes}
        numbers |= {number for change in comparison.confusions for number in (change.truth, change.answer)}
    count = len(report.data.classes)
    if wrong := sorted(number for number in numbers if not 0 <= number < count):
        yield f"expected numbers of the {count:,} classes, 0 to {count - 1:,}, got {wrong[0]:,}"


def _divisors(report: "Report") -> Iterator[str]:
    """Sizes, times, and ratios of them, by which others are divided."""
    least: dict[str, float] = {"bytes of a file": min((network.size_bytes for network in report.networks), default=1)}
    if report.run is not None and report.run.layers:
        least["channels of a layer"] = min(layer.out_before for layer in report.run.layers)
    for what, number in least.items():
        if number < LEAST:
            yield f"expected {what} above 0, got {number}"
    yield from timing_faults(row.comparison for row in report.latency)


def _epochs(report: "Report") -> Iterator[str]:
    """Every row of a history names its epoch."""
    if report.run is None:
        return
    histories = [report.run.search.history, *report.run.training.values()]
    epochs = [row.get("epoch") for history in histories for row in history]
    for epoch in (*epochs, report.run.search.converged_at or 0):
        if epoch is None or not 0 <= epoch <= _MOST_EPOCHS:
            yield f"expected a number of an epoch in every row of a history, got {epoch}"
            return
