"""Tensors of a file in the types that the network has: cast where that keeps their meaning, else refused."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from compress.errors import BadInputError
from compress.lists import listed

State = dict[str, Any]


def as_wanted(state: Mapping[str, Any], wanted: Mapping[str, Any], *, file: str) -> tuple[State, tuple[str, ...]]:
    """The tensors that ``wanted``, a network's state dict, names, in its types; notes on what was cast.

    BadInputError for tensors that are no weights as they are: integers, complex or quantised numbers, NaN, negative
    variances, nothing.
    """
    faults: dict[str, list[str]] = {}
    found: State = {}
    cast: set[str] = set()
    for name in wanted:
        value = state.get(name)
        if not isinstance(wanted[name], Tensor) or value is None:
            found |= {name: value} if name in state else {}
            continue
        if fault := _fault(value, wanted[name].dtype):
            faults.setdefault(fault, []).append(name)
            continue
        dense = value if value.layout == torch.strided else value.to_dense()
        found[name] = dense.to(wanted[name].dtype)
        if dense.dtype != found[name].dtype and dense.is_floating_point():
            cast.add(_type(dense.dtype))
        if fault := _fault_of_numbers(name, dense, found[name]):
            faults.setdefault(fault, []).append(name)
    if faults:
        raise BadInputError("; ".join(f"{file} holds {fault} in {listed(names)}" for fault, names in faults.items()))
    return found, (f"weights in {file} are {' and '.join(sorted(cast))}; they are made float32",) if cast else ()


def _fault(value: Any, wanted: torch.dtype) -> str:
    """Why a value is no weight of the ``wanted`` type, as what the file holds; empty if it is one."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__} instead of a tensor"
    kind, expected = _type(value.dtype), _type(wanted)
    is_integer = wanted.is_floating_point and not value.is_floating_point()
    faults = {
        "tensors without numbers (saved from the meta device)": value.is_meta,
        f"quantised weights ({kind}; expected those of before quantisation)": value.is_quantized,
        f"complex numbers ({kind}), expected {expected},": value.is_complex() and not wanted.is_complex,
        f"packed numbers ({kind}), expected {expected},": "float4" in kind or "e8m0" in kind,
        f"integers ({kind}; no weights without their scale), expected {expected},": is_integer,
    }
    return next((fault for fault, applies in faults.items() if applies), "")


def _fault_of_numbers(name: str, given: Tensor, cast: Tensor) -> str:
    """Why no layer computes with these numbers; empty if one can."""
    if not (cast.is_floating_point() or cast.is_complex()):
        return ""
    if not bool(cast.isfinite().all()):
        overflows = given.dtype == torch.float64 and bool(given.isfinite().all())
        return f"numbers that are too large for {_type(cast.dtype)}" if overflows else "NaN or infinity"
    if name.rpartition(".")[2] == "running_var" and bool((cast < 0).any()):
        return "negative variances"
    return ""


def _type(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
