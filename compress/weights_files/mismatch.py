"""Why a file's tensors are not a network's: which differ, and what that means where it can be told."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from compress.lists import listed

_POSITIONS = ("pos_emb", "position_emb", "relative_position", "rel_pos", "pos_embed")


def describe_mismatch(found: Mapping[str, Any], wanted: Mapping[str, Any], *, misshapen: list[str], file: str) -> str:
    """The message for a state dict that does not fit; ``misshapen`` are names that both have, with other shapes."""
    missing, unexpected = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if not found.keys() & wanted.keys():
        return (
            f"{file} holds the weights of another network: no name is the same. "
            f"Its first are {_first(found)}; expected {_first(wanted)}"
        )
    shapes = [f"{name} is {tuple(found[name].shape)}, expected {tuple(wanted[name].shape)}" for name in misshapen]
    faults = {"missing": missing, "unexpected": unexpected, "misshapen": shapes}
    lines = [f"  {fault}: {listed(names)}" for fault, names in faults.items() if names]
    meanings = [] if missing or unexpected else _meanings(found, wanted, misshapen)
    return "\n".join([f"{file} does not fit the network:", *lines, *meanings])


def _first(names: Mapping[str, Any]) -> str:
    return ", ".join(list(names)[:3])


def _meanings(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], misshapen: list[str]) -> list[str]:
    """What other shapes alone mean, a sentence each; nothing if one of them has no explanation."""
    meanings: dict[str, None] = {}
    widths = {name: (found[name].shape, wanted[name].shape) for name in misshapen}
    for name, (theirs, ours) in widths.items():
        if len(ours) == len(theirs) == 4 and {theirs[1], ours[1]} == {1, 3} and theirs[0] == ours[0]:
            kind = "grey images" if theirs[1] == 1 else "RGB images"
            meanings[f"Its first layer takes {kind}: try --channels {theirs[1]}"] = None
        elif any(part in name for part in _POSITIONS):
            meanings["Its positions are those of another image size: try --image-size N"] = None
        else:
            return []
    return list(meanings)
