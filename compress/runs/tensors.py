"""Tensors as safetensors bytes."""

from collections.abc import Mapping

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from compress.errors import BadInputError


def to_bytes(values: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """Copies of ``values``, so that tied weights and other memory formats are no obstacle."""
    plain = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in values.items()}
    return safetensors.torch.save(plain, metadata)


def from_bytes(data: bytes, *, name: str) -> dict[str, Tensor]:
    """The tensors, on the CPU.

    Raises:
        BadInputError: ``data`` is not safetensors; ``name`` says which file.
    """
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise BadInputError(f"{name} is not a safetensors file: {error}") from None
