"""Weights from a file, the user's or published, -> a network: as data, with notes on what was taken and changed."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from compress.errors import BadInputError
from compress.weights_files.choose import choose_weights
from compress.weights_files.classes import rows_of
from compress.weights_files.mismatch import describe_mismatch
from compress.weights_files.read import Entry, read_weights_file
from compress.weights_files.tensors import as_wanted
from models_zoo.published_weights import PublishedWeights
from models_zoo.timm_models import in_todays_form


@dataclass(frozen=True)
class LoadedWeights:
    """What was loaded: the parameters of the head that stay fresh, if any, and notes on what was taken and changed."""

    fresh_head: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def load_weights(network: nn.Module, file: Path, *, head: Sequence[str], key: str | None = None) -> LoadedWeights:
    """Load all tensors of a state dict into a network, in place, or none (``BadInputError``).

    Args:
        network: of any weights.
        file: safetensors, or what ``torch.save`` wrote: a state dict, a checkpoint that contains one, a module.
        head: names of the class head's parameters. If only they have other shapes (another number of classes), or are
            missing all, they keep their fresh weights. So does a part around the head that is another one as a whole.
        key: where the weights are in the file, such as ``state_dict_ema``; by default what fits best.
    """
    choice = choose_weights(read_weights_file(file), network.state_dict(), key=key, file=file.name)
    return _fill(network, choice.state, head=head, file=file.name, notes=choice.notes)


def load_published(
    network: nn.Module,
    file: Path,
    published: PublishedWeights,
    *,
    head: Sequence[str],
    classes: Sequence[str],
    size: int,
) -> LoadedWeights:
    """Load published weights from their file, as ``load_weights`` does.

    Args:
        network: as published, but for its number of classes.
        file: of the weights.
        published: what they are.
        head: names of the class head's parameters.
        classes: of the data set; if the weights know them all by name, the head takes their rows.
        size: of the images in pixels: timm fits weights to it.
    """
    entries = read_weights_file(file)
    notes = [f"weights: {published.name} ({file.name})"]
    if published.timm_config is not None:
        state = _timms_state(entries, published.name, size=size, file=file.name)
    else:
        state = choose_weights(entries, network.state_dict(), key=None, file=file.name).state
    rows = rows_of(classes, published.classes)
    if rows and rows != tuple(range(len(published.classes))):
        state |= {name: state[name][list(rows)] for name in head if len(state.get(name, ())) == len(published.classes)}
        notes.append(
            f"all {len(rows)} classes are among the {len(published.classes):,} of the weights by name: "
            "the head is theirs, without the other classes"
        )
    return _fill(network, state, head=head, file=file.name, notes=tuple(notes))


def _timms_state(entries: Mapping[str, Entry], name: str, *, size: int, file: str) -> dict[str, Any]:
    """The state dict in a file of timm's weights, which may lie in a checkpoint, in today's form."""
    places = Counter(entry.container for entry in entries.values() if _is_tensor(entry.value))
    container = max(places, key=places.__getitem__, default="")
    prefix = f"{container}." if container else ""
    state = {key.removeprefix(prefix): entry.value for key, entry in entries.items() if entry.container == container}
    try:
        return in_todays_form(name, state, image_size=size)
    except (RuntimeError, KeyError) as error:
        fault = " ".join(str(error).split())[:300]
        raise BadInputError(f"{file} does not hold the weights {name} as timm reads them: {fault}") from None


def _fill(
    network: nn.Module, found: Mapping[str, Any], *, head: Sequence[str], file: str, notes: tuple[str, ...]
) -> LoadedWeights:
    wanted = network.state_dict()
    both = [key for key in wanted if _is_tensor(found.get(key)) and _is_tensor(wanted[key])]
    misshapen = [key for key in both if found[key].shape != wanted[key].shape]
    missing = {key for key in wanted if key not in found and _is_tensor(wanted[key])}
    unexpected = {key for key in found if key not in wanted and _is_tensor(found[key])}
    fresh = {*misshapen, *missing}
    if unexpected or not fresh <= set(head) or (missing and fresh < set(head)):
        fitting = set(both) - set(misshapen)
        if not _is_another_head(head, faults=fresh | unexpected, fitting=fitting):
            raise BadInputError(describe_mismatch(found, wanted, misshapen=misshapen, file=file))
    kept = {key: value for key, value in found.items() if key not in fresh}
    tensors, cast = as_wanted(kept, wanted, file=file)
    network.load_state_dict({key: tensors.get(key, value) for key, value in wanted.items()})
    return LoadedWeights(tuple(key for key in wanted if key in fresh), (*notes, *cast))


def _is_another_head(head: Sequence[str], *, faults: Collection[str], fitting: Collection[str]) -> bool:
    """Whether all that differs is one part that the class head is in, such as ``fc`` with more layers."""
    parts = head[0].split(".")[:-1] if head else []
    prefixes = [".".join(parts[:depth]) + "." for depth in range(1, len(parts) + 1)]
    return any(
        all(name.startswith(prefix) for name in faults) and not any(name.startswith(prefix) for name in fitting)
        for prefix in prefixes
    )


def _is_tensor(value: object) -> bool:
    """False for what a module's ``get_extra_state`` gives: a file may lack it."""
    return isinstance(value, Tensor)
