"""Why layers are not pruned: the reasons of many layers in one message."""

from collections.abc import Mapping

from compress.errors import UsageError

_TOLD = 4


def without_names(reason: str) -> str:
    """A reason with ``...`` for dotted layer names, so that it is the same for all layers of a kind."""
    return " ".join("..." if "." in word.strip(",;:.") else word for word in reason.split())


def nothing_to_prune(not_pruned: Mapping[str, str]) -> UsageError:
    """The error for a network in which no layer can be pruned: each kind of reason with its first layer."""
    first: dict[str, str] = {}
    for root, reason in not_pruned.items():
        first.setdefault(without_names(reason), f"{root}: {reason}")
    told = list(first.values())[:_TOLD]
    if len(not_pruned) > len(told):
        told.append(f"{len(not_pruned) - len(told)} more layers for the same or other reasons")
    return UsageError(f"nothing can be pruned in this network ({'; '.join(told) or 'no layer makes channels'})")
