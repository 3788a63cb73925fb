"""Weights from a file the user names -> a network: as data, with what was taken and changed in notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from compress.errors import BadInputError
from compress.weights_files.choose import choose_weights
from compress.weights_files.mismatch import describe_mismatch
from compress.weights_files.read import read_weights_file
from compress.weights_files.tensors import as_wanted


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
            missing all, they keep their fresh weights.
        key: where the weights are in the file, such as ``state_dict_ema``; by default what fits best.
    """
    wanted, name = network.state_dict(), file.name
    choice = choose_weights(read_weights_file(file), wanted, key=key, file=name)
    found = choice.state
    both = [key for key in wanted if _is_tensor(found.get(key)) and _is_tensor(wanted[key])]
    misshapen = [key for key in both if found[key].shape != wanted[key].shape]
    missing = {key for key in wanted if key not in found and _is_tensor(wanted[key])}
    unexpected = {key for key in found if key not in wanted and _is_tensor(found[key])}
    fresh = {*misshapen, *missing}
    if unexpected or not fresh <= set(head) or (missing and fresh < set(head)):
        raise BadInputError(describe_mismatch(found, wanted, misshapen=misshapen, file=name))
    kept = {key: value for key, value in found.items() if key not in fresh}
    tensors, notes = as_wanted(kept, wanted, file=name)
    network.load_state_dict({key: tensors.get(key, value) for key, value in wanted.items()})
    return LoadedWeights(tuple(key for key in head if key in fresh), (*choice.notes, *notes))


def _is_tensor(value: object) -> bool:
    """False for what a module's ``get_extra_state`` gives: a file may lack it."""
    return isinstance(value, Tensor)
