"""Weights from a file the user names: data only, loaded strictly, with errors that name every key."""

import pickle
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from compress.errors import BadInputError

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_RENAMED = (
    # DenseNet: "norm.1" became "norm1" when dots in names of layers were forbidden.
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\."), r"\1\2."),
    # ViT: the layers of the MLP lost their names.
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
)
_AUXILIARY_HEADS = ("aux1.", "aux2.", "AuxLogits.")
_COUNTER = ".num_batches_tracked"


def load_weights(network: nn.Module, file: Path, *, head: tuple[str, ...]) -> bool:
    """Load all tensors of a state dict into a network, in place, or none (``BadInputError``).

    ``file`` is safetensors, or what ``torch.save(network.state_dict())`` wrote; torchvision's published files too.
    If only the parameters of the class ``head`` have other shapes (another number of classes), they keep their fresh
    weights. Returns whether they did: then the head has to be trained.
    """
    wanted = network.state_dict()
    found = with_names_of_today(_read(file), wanted)
    missing = sorted(set(wanted) - set(found))
    unexpected = sorted(set(found) - set(wanted))
    misshapen = [name for name in wanted if name in found and found[name].shape != wanted[name].shape]
    fresh_head = bool(misshapen) and set(misshapen) <= set(head)
    if missing or unexpected or (misshapen and not fresh_head):
        shapes = [f"{name} is {tuple(found[name].shape)}, expected {tuple(wanted[name].shape)}" for name in misshapen]
        faults = {"missing": missing, "unexpected": unexpected, "misshapen": shapes}
        listed = "\n".join(f"  {fault}: {_listed(names)}" for fault, names in faults.items() if names)
        raise BadInputError(
            f"{file} does not fit the network:\n{listed}\n"
            "Is it another network, another number of classes, grey instead of RGB, or another image size?"
        )
    damaged = [name for name, value in found.items() if value.is_floating_point() and not value.isfinite().all()]
    if damaged:
        raise BadInputError(f"{file} holds NaN or infinity in {_listed(damaged)}")
    network.load_state_dict({name: wanted[name] if name in misshapen else found[name] for name in wanted})
    return fresh_head


def with_names_of_today(state: Mapping[str, Tensor], wanted: Collection[str]) -> dict[str, Tensor]:
    """A published file's state dict under the names that torchvision's networks have today, as its own loaders do it.

    The auxiliary heads of GoogLeNet and Inception are left out: networks here have none. BatchNorm's counters, which
    files older than torch 0.4.1 lack, start at 0. A name in ``wanted``, the network's, is never changed.
    """
    renamed = {name if name in wanted else _renamed(name): tensor for name, tensor in state.items()}
    kept = {name: tensor for name, tensor in renamed.items() if name in wanted or not name.startswith(_AUXILIARY_HEADS)}
    for name in wanted:
        counted = name.removesuffix(_COUNTER) + ".running_mean"
        if name.endswith(_COUNTER) and name not in kept and counted in kept:
            kept[name] = torch.tensor(0)
    return kept


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMED:
        name = pattern.sub(replacement, name)
    return name


def _read(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise BadInputError(f"no weights file at {file}")
    state: Any
    try:
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise BadInputError(f"{file} is not a safetensors file: {error}") from None
    except pickle.UnpicklingError:
        raise BadInputError(
            f"{file} is not plain weights: loading it would run code, which is refused. "
            "Save it with torch.save(network.state_dict(), ...) or as safetensors"
        ) from None
    except Exception as error:  # damaged bytes make the unpickler raise anything: IndexError, KeyError, EOFError...
        raise BadInputError(f"{file} is not a weights file: {error}") from None
    for key in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadInputError(f"{file} holds no state dict (names of parameters -> tensors)")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
