"""Which tensors of a file are the network's: the place in the file, and the prefixes its names have there."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from compress.errors import BadInputError
from compress.lists import listed
from compress.weights_files.names import with_names_of_today
from compress.weights_files.read import Entry

State = dict[str, Tensor]

WRAPPERS: Mapping[str, str] = {
    "module": "DataParallel, DistributedDataParallel or AveragedModel",
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FSDP",
    "_checkpoint_wrapped_module": "activation checkpointing",
}
"""Attribute in which a wrapper keeps the network -> what the wrapper is."""

_AVERAGED = re.compile(r"(?:^|[._])(?:ema|swa|averaged|avg|polyak|shadow)(?:[._]|$)")
_ASIDE = ("n_averaged", "total_ops", "total_params")
"""Last parts of names that tools add: AveragedModel's counter, thop's counts."""

_PLACES = 16  # how many places are compared tensor by tensor


@dataclass(frozen=True)
class Place:
    """Tensors of a file under one prefix, by the network's names."""

    key: str  # the prefix in the file without its last dot: what ``--weights-key`` names
    names: tuple[str, ...]  # in the file, without the parts that wrappers add
    state: State
    fitting: int  # tensors of the network's names and shapes
    named: int  # tensors of the network's names
    averaged: bool

    @property
    def rank(self) -> tuple[int, int, bool]:
        """Greater is better: what fits the network best, and then averaged weights, as timm loads them."""
        return self.fitting, self.named, self.averaged

    def is_near(self, best: "Place") -> bool:
        """Whether it could have been meant instead of the best: it has nine tenths of the tensors that fit."""
        return self.fitting > 0 and self.fitting >= 0.9 * best.fitting


@dataclass(frozen=True)
class Choice:
    """The state dict that fits the network best, and what a user should know about where it came from."""

    state: State
    notes: tuple[str, ...]


def choose_weights(entries: Mapping[str, Entry], wanted: Mapping[str, Tensor], *, key: str | None, file: str) -> Choice:
    """Find the network's tensors; ``wanted`` is its state dict, ``key`` what the user named, ``file`` for messages.

    BadInputError if there are no tensors at all, or none under ``key``.
    """
    if not any(isinstance(entry.value, Tensor) for entry in entries.values()):
        raise BadInputError(f"{file} holds no state dict (names of parameters -> tensors)")
    entries, dropped = _unwrapped(entries, wanted)
    places = _places(entries, wanted)
    if key is not None:
        parts = set().union(*dropped.values())
        key = ".".join(part for part in key.split(".") if part not in parts)
        under = {name: entry for name, entry in entries.items() if name.startswith(key + ".")}
        if not under:
            there = [place.key for place in places if place.key] or sorted({name.partition(".")[0] for name in entries})
            raise BadInputError(f"{file} holds no tensors under {key!r}; it has {listed(there)}")
        places = _places(under, wanted)
    best = max(places, key=lambda place: place.rank)
    rivals = [] if key else [place.key for place in places if place is not best and place.is_near(best)]
    wrapped = {part for name in best.names for part in dropped.get(name, ())}
    notes = [
        f'"{part}." is dropped from the names in {file} ({WRAPPERS[part]})' for part in WRAPPERS if part in wrapped
    ]
    notes += _where(best, rivals, file)
    if outside := _outside(entries, best.key, rivals):
        notes.append(f"left out of {file}, as the network has no such part: {listed(outside)}")
    return Choice(best.state, tuple(notes))


def _where(best: Place, rivals: list[str], file: str) -> list[str]:
    """A note on where the weights are in the file, if that is not the only possible place."""
    if not rivals:
        return [f"the weights are those under {best.key} in {file}"] if best.key else []
    taken, others = best.key or "the top level", " and ".join(rival or "the top level" for rival in rivals)
    why = "averaged weights (EMA), which timm loads too" if best.averaged else "what fits best, or comes first"
    named = next((rival for rival in rivals if rival), "")
    hint = f"; --weights-key {named} takes the others" if named else ""
    return [f"{file} holds weights under {taken} and {others}; taken: {taken}, {why}{hint}"]


def _outside(entries: Mapping[str, Entry], key: str, rivals: list[str]) -> list[str]:
    """Tensors beside the chosen ones in the same state dict."""
    if not key:
        return []
    containers = {entry.container for name, entry in entries.items() if name.startswith(f"{key}.")}
    known = (f"{key}.", *(f"{rival}." for rival in rivals if rival))
    return [
        name
        for name, entry in entries.items()
        if entry.container in containers and not name.startswith(known) and name.rpartition(".")[2] not in _ASIDE
    ]


def _unwrapped(
    entries: Mapping[str, Entry], wanted: Mapping[str, Tensor]
) -> tuple[Mapping[str, Entry], Mapping[str, set[str]]]:
    """Names without the parts that wrappers add, where the network's own names have no such part.

    And, by the new name, the parts that were dropped from it.
    """
    own = {part for name in wanted for part in name.split(".")}
    foreign = WRAPPERS.keys() - own
    bare: dict[str, Entry] = {}
    dropped: dict[str, set[str]] = {}
    for name, entry in entries.items():
        parts = name.split(".")
        shorter = ".".join(part for part in parts if part not in foreign)
        bare[shorter], dropped[shorter] = entry, foreign & set(parts)
    return (bare, dropped) if len(bare) == len(entries) else (entries, {})


def _places(entries: Mapping[str, Entry], wanted: Mapping[str, Tensor]) -> list[Place]:
    """Places in the file that hold at least half as many of the network's names as the best one.

    The network may have a prefix that the file lacks: a base model's weights for a network that contains it.
    """
    found: Counter[tuple[str, str]] = Counter()
    firsts = Counter(name.partition(".")[0] + "." for name in wanted if "." in name)
    for own in ("", *(first for first, count in firsts.items() if 2 * count >= len(wanted))):
        inner = {name.removeprefix(own) for name in wanted if name.startswith(own)}
        for name in entries:
            starts = [0, *(match.end() for match in re.finditer(r"\.", name))]
            found.update((name[:start], own) for start in starts if name[start:] in inner)
        for pair in [pair for pair, count in found.items() if own and pair[1] == own and count < len(inner)]:
            del found[pair]
    most = max(found.values(), default=0)
    likely = [pair for pair, count in found.most_common(_PLACES) if 2 * count >= most] or [("", "")]
    likely = [(prefix, own) for prefix, own in likely if not own or not prefix.endswith(own)]  # as without both
    places: dict[str, Place] = {}
    for prefix, own in likely:
        place = _place(entries, wanted, prefix=prefix, own=own)
        if place.key not in places or place.rank > places[place.key].rank:
            places[place.key] = place
    return list(places.values())


def _place(entries: Mapping[str, Entry], wanted: Mapping[str, Tensor], *, prefix: str, own: str) -> Place:
    inside = {name: entry for name, entry in entries.items() if name.startswith(prefix)}
    containers = {entry.container for name, entry in inside.items() if own + name.removeprefix(prefix) in wanted}
    inside = {name: entry for name, entry in inside.items() if entry.container in containers or not containers}
    state = {own + name.removeprefix(prefix): entry.value for name, entry in inside.items()}
    state = {name: value for name, value in state.items() if name.rpartition(".")[2] not in _ASIDE or name in wanted}
    state = with_names_of_today(state, wanted)
    named = [name for name in wanted if name in state]
    fitting = [name for name in named if getattr(state[name], "shape", None) == getattr(wanted[name], "shape", None)]
    key = prefix.removesuffix(".")
    counted = any(name.endswith("n_averaged") for name in entries if name.startswith(prefix))
    return Place(
        key, tuple(inside), state, len(fitting), len(named), bool(_AVERAGED.search(key)) or (counted and bool(key))
    )
