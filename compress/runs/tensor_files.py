"""Tensors as bytes: weights as safetensors, resume states as ``torch.save`` of plain values; loading runs no code."""

import io
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from compress.errors import BadInputError, CompressError
from compress.reading_limits import check_packing, reading_limits

_CHECKPOINT = re.compile(r"(?:.+/)?checkpoint-(\d{6})\.pt")
_PACKED = "@packed"
_PLAIN = (bool, int, float, str, type(None), Tensor)


def weights_to_bytes(values: Mapping[str, Any]) -> bytes:
    """Weights as safetensors; they are copied, because tied weights and other memory formats cannot be written.

    What a module's ``get_extra_state`` gives, and is no tensor, is packed into one.
    """
    named = {
        name if isinstance(value, Tensor) else name + _PACKED: value if isinstance(value, Tensor) else _pack(value)
        for name, value in values.items()
    }
    return safetensors.torch.save(
        {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in named.items()}
    )


def weights_from_bytes(data: bytes, *, name: str) -> dict[str, Any]:
    """The weights, on the CPU; BadInputError names the file where they are not safetensors."""
    with _reading(data, name, "safetensors file"):
        return {
            key.removesuffix(_PACKED): _unpack(value) if key.endswith(_PACKED) else value
            for key, value in safetensors.torch.load(data).items()
        }


def _pack(state: Any) -> Tensor:
    return torch.frombuffer(bytearray(state_to_bytes({"state": state})), dtype=torch.uint8)


def _unpack(packed: Tensor) -> Any:
    return _load(packed.numpy().tobytes())["state"]


def state_to_bytes(state: dict[str, Any]) -> bytes:
    """A resume state; TypeError says where it holds a value that could not be loaded safely."""
    _check_plain(state, "state")
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


def state_from_bytes(data: bytes, *, name: str) -> dict[str, Any]:
    """The resume state, on the CPU; BadInputError names the file where it is none."""
    with _reading(data, name, "checkpoint"):
        return _load(data)


def _load(data: bytes) -> dict[str, Any]:
    check_packing(io.BytesIO(data), size=len(data))
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise ValueError(f"expected a dict, got {type(state).__name__}")
    return state


@contextmanager
def _reading(data: bytes, name: str, kind: str) -> Iterator[None]:
    """Limit what reading takes; BadInputError for any fault: damaged pickles lead to IndexError, KeyError, ..."""
    try:
        with reading_limits(name, size=len(data)):
            yield
    except CompressError:
        raise
    except Exception as error:
        raise BadInputError(f"{name} is not a {kind}: {error}") from None


def is_checkpoint(rel: str) -> bool:
    """Whether ``rel`` is the name of a checkpoint file."""
    return _CHECKPOINT.fullmatch(rel) is not None


def next_checkpoint(stage: str, old: list[str]) -> str:
    """The name after the newest of ``old``."""
    match = _CHECKPOINT.fullmatch(old[-1]) if old else None
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
