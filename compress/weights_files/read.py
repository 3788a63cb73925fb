"""A weights file as a flat table: dotted name -> tensor. Nothing in the file runs."""

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from compress.errors import BadInputError, CompressError
from compress.exporter_faults import open_file
from compress.reading_limits import check_packing, reading_limits

_EXTRA_STATE = "_extra_state"
_MAX_BYTES = 2**36
_MAX_DEPTH = 40
_MAX_NAME = 1000  # characters; the search for the network's names compares what follows each dot
_MAX_CLASSES = 500
_CLASS_NAME = re.compile(r"GLOBAL (\S+)")


@dataclass(frozen=True)
class Entry:
    """A tensor, or what a module's ``get_extra_state`` gave; ``container`` is the dotted name of its state dict."""

    value: Any
    container: str


class _Unmade:
    """In place of an object of a class that is not imported: its state is kept as data, nothing of it runs."""

    state: Any = None

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read_weights_file(file: Path) -> dict[str, Entry]:
    """All tensors of a file, nested dicts and pickled modules flattened; BadInputError if it cannot be read safely."""
    if file.is_dir() or not file.exists():
        hint = "; give the file in it, such as model.safetensors" if file.is_dir() else ""
        raise BadInputError(f"no weights file at {file}{hint}")
    open_file(file, limit=_MAX_BYTES, kind="weights file").close()
    size = file.stat().st_size
    with _reading(file), reading_limits(file, size=size):
        check_packing(file, size=size)
        tree = load_file(file) if file.suffix == ".safetensors" else _load_pickle(file)
        return {name: entry for name, entry in _flatten(tree, "", "", set()) if name}


def _load_pickle(file: Path) -> Any:
    """What ``torch.save`` wrote; objects of other classes than tensors and plain values are ``_Unmade``.

    Checkpoints hold the arguments of the training script, a whole module or its EMA beside the tensors.
    """
    try:
        classes = torch.serialization.get_unsafe_globals_in_checkpoint(file)[:_MAX_CLASSES]
    except ValueError as error:
        if "torchscript" in str(error):
            raise BadInputError(
                f"{file} is a TorchScript archive, which holds code: save its weights with "
                "torch.save(torch.jit.load(FILE).state_dict(), ...)"
            ) from None
        classes = []  # written by torch before 1.6
    stand_ins: list[Any] = [(type(name, (_Unmade,), {}), name) for name in classes]
    with torch.serialization.safe_globals(stand_ins), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about quantised tensors, which are refused later
        return torch.load(file, map_location="cpu", weights_only=True)


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Turn any error of a reader into a BadInputError: damaged bytes make the unpickler raise anything."""
    try:
        yield
    except SafetensorError as error:
        raise BadInputError(f"{file} is not a safetensors file: {error}") from None
    except pickle.UnpicklingError as error:
        if not _is_pickle(file):
            raise BadInputError(
                f"{file} is not a weights file: neither safetensors nor what torch.save writes"
            ) from None
        found = _CLASS_NAME.search(str(error))
        raise BadInputError(
            f"{file} is not plain weights: loading it would run code{f' ({found[1]})' if found else ''}, which is "
            "refused. Save it with torch.save(network.state_dict(), ...) or as safetensors"
        ) from None
    except CompressError:
        raise
    except Exception as error:
        reason = str(error).partition("\n")[0][:300] or type(error).__name__
        raise BadInputError(f"{file} is not a weights file: {reason}") from None


def _is_pickle(file: Path) -> bool:
    """Whether a file begins as what ``torch.save`` writes: a zip archive or, before torch 1.6, a pickle."""
    with file.open("rb") as stream:
        return stream.read(2).startswith((b"PK", b"\x80"))


def _flatten(
    value: Any, name: str, container: str, seen: set[int], *, in_module: bool = False, depth: int = 0
) -> Iterator[tuple[str, Entry]]:
    """Tensors below ``value``, each dict once: a hostile file may hold a dict in itself.

    A module's submodules are in the module's own container, as the names of one state dict are.
    """
    if isinstance(value, Tensor) and value.is_nested:
        raise ValueError(f"it holds a nested tensor, {name:.80}, which has no shape")
    if isinstance(value, Tensor) or name.endswith(_EXTRA_STATE):
        yield name, Entry(value, container)
        return
    children = _children(value)
    if not children or id(value) in seen or depth > _MAX_DEPTH:
        return
    seen.add(id(value))
    is_module = isinstance(value, _Unmade)
    inside = container if is_module and in_module else name
    for key, child in children.items():
        full = f"{name}.{key}" if name else str(key)
        if len(full) > _MAX_NAME:
            raise ValueError(f"it has a name of {len(full):,} characters, which begins with {full:.80}")
        yield from _flatten(child, full, inside, seen, in_module=is_module, depth=depth + 1)


def _children(value: Any) -> Mapping[Any, Any]:
    """The items of a dict; parameters, saved buffers and submodules of a pickled module."""
    if isinstance(value, Mapping):
        return value
    state = value.state if isinstance(value, _Unmade) else None
    if not isinstance(state, Mapping) or "_modules" not in state:
        return {}
    parts = [state.get(key) for key in ("_parameters", "_buffers", "_modules")]
    merged = {key: child for part in parts if isinstance(part, Mapping) for key, child in part.items()}
    left_out = state.get("_non_persistent_buffers_set")
    return {key: child for key, child in merged.items() if not (isinstance(left_out, set) and key in left_out)}
