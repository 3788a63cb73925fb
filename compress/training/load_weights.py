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
    """Load a state dict into a network, in place.

    Args:
        network: the network; takes every tensor of the file, or none.
        file: safetensors, or what ``torch.save(network.state_dict())`` wrote; torchvision's published files too.
        head: names of the class head's parameters. Where only these have other shapes (another
            number of classes) they are left fresh.

    Returns:
        True where the head was left fresh and has to be trained.

    Raises:
        BadInputError: the file is missing, damaged, would run code, or does not fit the network.
    """
    wanted = network.state_dict()
    found = with_names_of_today(_read(file), wanted)
    missing = sorted(set(wanted) - set(found))
    unexpected = sorted(set(found) - set(wanted))
    misshapen = [name for name in wanted if name in found and found[name].shape != wanted[name].shape]
    fresh_head = bool(misshapen) and set(misshapen) <= set(head)
    if missing or unexpected or (misshapen and not fresh_head):
        raise BadInputError(_misfit(file, missing, unexpected, misshapen, found, wanted))
    damaged = [name for name, value in found.items() if value.is_floating_point() and not value.isfinite().all()]
    if damaged:
        raise BadInputError(f"{file} holds NaN or infinity in {_shown(damaged)}")
    network.load_state_dict({name: wanted[name] if name in misshapen else found[name] for name in wanted})
    return fresh_head


def _read(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise BadInputError(f"no weights file at {file}")
    try:
        if file.suffix == ".safetensors":
            return _unwrapped(load_file(file), file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise BadInputError(f"{file} is not a safetensors file: {error}") from None
    except pickle.UnpicklingError:
        raise BadInputError(
            f"{file} is not plain weights: loading it would run code, which is refused. "
            "Save it with torch.save(network.state_dict(), ...) or as safetensors"
        ) from None
    except Exception as error:  # the unpickler meets damaged bytes with anything: IndexError, KeyError, EOFError...
        raise BadInputError(f"{file} is not a weights file: {error}") from None
    return _unwrapped(state, file)


def _unwrapped(state: Any, file: Path) -> dict[str, Tensor]:
    for key in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadInputError(f"{file} holds no state dict (names of parameters -> tensors)")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def _misfit(
    file: Path,
    missing: list[str],
    unexpected: list[str],
    misshapen: list[str],
    found: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
) -> str:
    lines = [f"{file} does not fit the network:"]
    if missing:
        lines.append(f"  missing: {_shown(missing)}")
    if unexpected:
        lines.append(f"  unexpected: {_shown(unexpected)}")
    shapes = [f"{name} is {tuple(found[name].shape)}, expected {tuple(wanted[name].shape)}" for name in misshapen]
    if shapes:
        lines.append(f"  misshapen: {_shown(shapes)}")
    lines.append("Is it another network, another number of classes, grey instead of RGB, or another image size?")
    return "\n".join(lines)


def _shown(names: list[str], limit: int = 8) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
