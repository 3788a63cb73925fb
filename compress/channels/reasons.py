"""Why layers are left whole, many layers at once."""

from collections.abc import Mapping

from compress.errors import UsageError

_TOLD = 4


def without_names(reason: str) -> str:
    """A reason with ``...`` for the dotted names of layers in it: it is then the same for all layers of a kind."""
    return " ".join("..." if "." in word.strip(",;:.") else word for word in reason.split())


def nothing_to_prune(left_whole: Mapping[str, str]) -> UsageError:
    """The refusal of a network all of whose layers stay whole: each kind of reason with its first layer."""
    first: dict[str, str] = {}
    for root, reason in left_whole.items():
        first.setdefault(without_names(reason), f"{root}: {reason}")
    told = list(first.values())[:_TOLD]
    if len(left_whole) > len(told):
        told.append(f"{len(left_whole) - len(told)} more layers likewise or for other reasons")
    return UsageError(f"nothing can be pruned in this network ({'; '.join(told) or 'no layer of it makes channels'})")
