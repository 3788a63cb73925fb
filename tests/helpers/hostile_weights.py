"""Weights files that ask for memory, time or trust: every writer makes its file in a folder and gives its path."""

import io
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

Writer = Callable[[Path], Path]

_GIB = 2**30


def write_checkpoint(path: Path, pickled: bytes, *, storage: bytes = bytes(16), compressed: bool = False) -> Path:
    """An archive as ``torch.save`` writes it, with any pickle and one storage, ``data/0``."""
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in {"data.pkl": pickled, "byteorder": b"little", "version": b"3\n", "data/0": storage}.items():
            archive.writestr(f"archive/{name}", data)
    return path


def named(module: str, name: str) -> bytes:
    """The opcode for a class or function."""
    return f"c{module}\n{name}\n".encode()


def whole_number(value: int) -> bytes:
    """The opcode for a number of up to 255 bytes."""
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def text(value: str) -> bytes:
    """The opcode for a text."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def tensor(*shape: int, strides: tuple[int, ...], numbers: int) -> bytes:
    """The opcodes for a float32 tensor on the storage ``data/0``, which is said to have so many numbers."""
    storage = b"(" + text("storage") + named("torch", "FloatStorage") + text("0") + text("cpu") + whole_number(numbers)
    sizes = b"(" + b"".join(map(whole_number, shape)) + b"t"
    steps = b"(" + b"".join(map(whole_number, strides)) + b"t"
    hooks = named("collections", "OrderedDict") + b")R"
    made = named("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + b"tQ" + b"K\0" + sizes + steps
    return made + b"\x89" + hooks + b"tR"


def state(*, key: str = "weight", value: bytes) -> bytes:
    """A pickled dict of one item."""
    return b"\x80\x02}" + text(key) + value + b"s."


def repeated_call(function: bytes, argument: bytes, *, times: int) -> bytes:
    """A pickled list: a function, its arguments (a tuple), and the results of many equal calls."""
    return b"\x80\x02](" + function + b"q\0" + argument + b"q\x01" + b"h\0h\x01R" * times + b"e."


def _from_state(change: Callable[[Tensor], Tensor]) -> Writer:
    """A file whose every floating-point tensor of a small network was changed."""

    def write(folder: Path) -> Path:
        found = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).state_dict()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of types that are deprecated or in their beta
            changed = {name: change(value) if value.is_floating_point() else value for name, value in found.items()}
            torch.save(changed, folder / "w.pt")
        return folder / "w.pt"

    return write


def _checkpoint(pickled: bytes, **options: object) -> Writer:
    return lambda folder: write_checkpoint(folder / "w.pt", pickled, **options)  # type: ignore[arg-type]


def _bytes(data: bytes, *, name: str = "w.pt") -> Writer:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _safetensors(header: object, *, data: bytes = b"") -> Writer:
    text_ = header if isinstance(header, bytes) else json.dumps(header).encode()
    return _bytes(struct.pack("<Q", len(text_)) + text_ + data, name="w.safetensors")


def _sparse_file(size: int, *, name: str, start: bytes = b"") -> Writer:
    """A file that is as large as it says, and takes no place on the disk."""

    def write(folder: Path) -> Path:
        with (folder / name).open("wb") as file:
            file.write(start)
            file.truncate(size)
        return folder / name

    return write


def _legacy(folder: Path) -> Path:
    """As torch wrote before 1.6: the pickle says how much memory a storage takes before there is any of it."""
    stream = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(value, stream, protocol=2)
    storage = b"(" + text("storage") + named("torch", "FloatStorage") + text("0") + text("cpu")
    storage += whole_number(2**40) + b"NtQ"
    hooks = named("collections", "OrderedDict") + b")R"
    made = named("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + b"K\0" + whole_number(4) + b"\x85"
    stream.write(state(value=made + b"K\x01\x85\x89" + hooks + b"tR"))
    pickle.dump(["0"], stream, protocol=2)
    (folder / "w.pt").write_bytes(stream.getvalue())
    return folder / "w.pt"


_ENCODE = named("_codecs", "encode")
_LONG_TEXT = text("x" * 500_000)

HOSTILE_WEIGHTS: Mapping[str, Writer] = {
    "empty": _bytes(b""),
    "a web page": _bytes(b"<html>not found</html>"),
    "a cut archive": _bytes(b"PK\x03\x04" + bytes(50)),
    "zeros of 20 GiB": _sparse_file(20 * _GIB, name="w.pt"),
    "zeros of a TiB": _sparse_file(1024 * _GIB, name="w.pt"),
    "a storage that unpacks to 40 MiB": lambda folder: write_checkpoint(
        folder / "w.pt", state(value=tensor(4, strides=(1,), numbers=4)), storage=bytes(40 * 2**20), compressed=True
    ),
    "a pickle that unpacks to 20 MiB": lambda folder: write_checkpoint(
        folder / "w.pt", b"\x80\x02](" + b"N" * 20 * 2**20 + b"e.", compressed=True
    ),
    "a shape of 2^60 numbers in four": _checkpoint(state(value=tensor(2**30, 2**30, strides=(0, 0), numbers=4))),
    "a shape beyond its storage": _checkpoint(state(value=tensor(2**20, strides=(1,), numbers=4))),
    "a storage that is said to be larger": _checkpoint(state(value=tensor(2**38, strides=(1,), numbers=2**38))),
    "negative strides": _checkpoint(state(value=tensor(4, strides=(-1,), numbers=4))),
    "a thousand axes": _checkpoint(state(value=tensor(*[1] * 1000, strides=(1,) * 1000, numbers=4))),
    "an old file with a storage of 4 TiB": _legacy,
    "a bytearray of 30 GB": _checkpoint(
        repeated_call(named("__builtin__", "bytearray"), whole_number(30 * 10**9) + b"\x85", times=1)
    ),
    "a text copied 20,000 times": _checkpoint(
        repeated_call(_ENCODE, _LONG_TEXT + text("latin1") + b"\x86", times=20_000)
    ),
    "an encoding that takes hours": _checkpoint(
        b"\x80\x02" + _ENCODE + text("".join(map(chr, range(0x4E00, 0x9E00))) * 40) + text("punycode") + b"\x86R."
    ),
    "a tensor of 40 GB": _checkpoint(
        repeated_call(named("torch", "FloatTensor"), whole_number(10**10) + b"\x85", times=1)
    ),
    "a name of a million dots": _checkpoint(state(key="a." * 500_000, value=tensor(4, strides=(1,), numbers=4))),
    "dicts in dicts": _checkpoint(b"\x80\x02" + (b"}" + text("a")) * 100_000 + b"N" + b"s" * 100_000 + b"."),
    "tuples in tuples": _checkpoint(b"\x80\x02)" + b"\x85" * 1_000_000 + b"."),
    "a key that is a nest of tuples": _checkpoint(b"\x80\x02})" + b"\x85" * 100_000 + b"Ns."),
    "a list": _checkpoint(b"\x80\x02]."),
    "a call of a function": _checkpoint(b"\x80\x02" + named("os", "getcwd") + b")R."),
    "complex": _from_state(lambda value: value.to(torch.complex64)),
    "meta": _from_state(lambda value: value.to("meta")),
    "whole numbers": _from_state(lambda value: value.int()),
    "sparse": _from_state(lambda value: value.to_sparse()),
    "quantised": _from_state(lambda value: torch.quantize_per_tensor(value, 0.1, 0, torch.qint8)),
    "nested": _from_state(lambda value: torch.nested.nested_tensor([value])),
    "NaN": _from_state(lambda value: value * float("nan")),
    "1e300": _from_state(lambda value: value.double() * 0 + 1e300),
    "1e30": _from_state(lambda value: value * 0 + 1e30),
    "negative": _from_state(lambda value: -value.abs() - 1),
    "a header of 2^63 bytes": _bytes(b"\xff" * 8 + b"{}", name="w.safetensors"),
    "a header that is no object": _safetensors([]),
    "a header in a header": _safetensors(b'{"a":' * 50_000),
    "places outside": _safetensors({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}),
    "a shape of 2^60 numbers": _safetensors({"a": {"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 0]}}),
    "no such type": _safetensors({"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, data=bytes(4)),
    "zeros of 20 GiB in a safetensors": _sparse_file(20 * _GIB, name="w.safetensors"),
}
"""What is wrong -> its writer."""
