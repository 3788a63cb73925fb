"""Resume states: plain values as ``torch.save`` bytes, loaded with ``weights_only=True``; numbered files."""

import io
import pickle
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from compress.errors import BadInputError

_NAME = re.compile(r"(?:.+/)?checkpoint-(\d{6})\.pt")
_PLAIN = (bool, int, float, str, type(None), Tensor)


def to_bytes(state: dict[str, Any]) -> bytes:
    """Serialise a state.

    Raises:
        TypeError: a value in it could not be loaded safely; the message names where it is.
    """
    _check_plain(state, "state")
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


def from_bytes(data: bytes, *, name: str) -> dict[str, Any]:
    """Load a state, on the CPU; nothing in it runs.

    Raises:
        BadInputError: it is no such state; ``name`` says which file.
    """
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise BadInputError(f"{name} is not a checkpoint: {error}") from None
    if not isinstance(state, dict):
        raise BadInputError(f"{name} is not a checkpoint: expected a dict, got {type(state).__name__}")
    return state


def is_checkpoint(rel: str) -> bool:
    """Whether ``rel`` is the name of a checkpoint file."""
    return _NAME.fullmatch(rel) is not None


def listed(names: Iterable[str], stage: str) -> list[str]:
    """The checkpoints of a stage among ``names``, oldest first."""
    return sorted(name for name in names if name.startswith(f"{stage}/") and is_checkpoint(name))


def next_name(old: list[str], stage: str) -> str:
    """The name after the newest of ``old``."""
    match = _NAME.fullmatch(old[-1]) if old else None
    return f"{stage}/checkpoint-{int(match[1]) + 1 if match else 0:06d}.pt"


def _check_plain(value: object, where: str) -> None:
    if type(value) in (dict, OrderedDict):
        for key, item in value.items():  # type: ignore[attr-defined]
            _check_plain(key, f"{where}, key {key!r}")
            _check_plain(item, f"{where}[{key!r}]")
    elif type(value) in (list, tuple):
        for index, item in enumerate(value):  # type: ignore[arg-type]
            _check_plain(item, f"{where}[{index}]")
    elif type(value) not in _PLAIN:
        raise TypeError(f"{where}: expected a tensor, number, string or None, got {type(value).__name__}")
