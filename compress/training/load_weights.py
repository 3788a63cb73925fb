"""Weights from a file the user names: data only, loaded strictly, with errors that name every key."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from compress.errors import BadInputError
from models_zoo.published_weights import with_names_of_today

_WRAPPERS = ("state_dict", "model_state_dict", "model")


def load_weights(network: nn.Module, file: Path, *, head: tuple[str, ...]) -> bool:
    """Load all tensors of a state dict into a network, in place, or none (``BadInputError``).

    Args:
        network: the network.
        file: safetensors, or what ``torch.save(network.state_dict())`` wrote; torchvision's published files too.
        head: names of the class head's parameters. If only these have other shapes (another number of classes), they
            keep their fresh weights.

    Returns:
        Whether the head kept its fresh weights and has to be trained.
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


def _listed(names: list[str], limit: int = 8) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
