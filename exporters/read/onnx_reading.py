"""Read an ONNX file from anywhere as data: whole, of bounded size, and from no folder but its own."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto, TensorProto

from exporters.errors import OnnxFileError, reason_of
from exporters.read.onnx_messages import tensors_of

LARGEST_BYTES: Final = 2**31 - 1
"""Of the file and its external data together; protobuf cannot hold more in one file either."""
_CHUNK: Final = 2**20  # bytes
_MOST_DIGITS: Final = 20  # of an offset; Python refuses to read thousands
_OPSETS_SINCE: Final = 3  # version of the format from which on a model has to name its operator sets

# What people give in place of an ONNX file, by its first bytes.
_IMPOSTORS: Final = {
    b"version https://git-lfs": "a Git LFS pointer: try git lfs pull",
    b"PK\x03\x04": "a zip archive, as torch.save writes: try torch.onnx.export",
    b"\x80": "a pickle: try torch.onnx.export",
    b"\x89HDF": "an HDF5 file, as Keras writes: try tf2onnx",
    b"<": "a text of HTML or XML: was it saved from a web page?",
}


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file as it was read.

    Attributes:
        path: as given.
        data: its bytes; with the weights of other files in place.
        model: the same, parsed.
        external: the other files that hold weights, each once, inside its folder.
        size_bytes: of the file and of its external data.
        sha256: of the file's bytes, followed by those of its external data, hexadecimal.
    """

    path: Path
    data: bytes
    model: ModelProto
    external: tuple[Path, ...]
    size_bytes: int
    sha256: str


def read_onnx(path: Path) -> OnnxFile:
    """Read and parse; nothing in the file runs, and it is not checked to be a classifier.

    Weights in other files are taken into the model: onnxruntime itself fails where small tensors,
    such as the axes of a sum, are outside.

    Raises:
        OnnxFileError: missing, empty, truncated, too large, not ONNX, or weights that are not in its folder.
    """
    data = _read_bytes(path)
    model = _parse(path, data)
    outside = [tensor for tensor in tensors_of(model) if _is_outside(tensor)]
    if not outside:
        return OnnxFile(path, data, model, external=(), size_bytes=len(data), sha256=_sha256(data))
    places = [_external_place(path, tensor) for tensor in outside]
    external = tuple(dict.fromkeys(place.file for place in places))
    size = len(data) + sum(file.stat().st_size for file in external)
    if size > LARGEST_BYTES or sum(place.length for place in places) > LARGEST_BYTES:
        raise _too_large(path, size)
    for tensor, place in zip(outside, places, strict=True):
        _take_in(tensor, place)
    whole = model.SerializeToString()
    return OnnxFile(path, whole, model, external=external, size_bytes=size, sha256=_sha256(data, *external))


def _sha256(data: bytes, *others: Path) -> str:
    digest = hashlib.sha256(data)
    for other in others:
        with other.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _read_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise _too_large(path, size)
        data = path.read_bytes()
    except OSError as error:
        raise OnnxFileError(f"cannot read the ONNX file {path}: {error.strerror}") from error
    if not data:
        raise OnnxFileError(f"expected an ONNX file, {path} is empty; try to copy or export it again")
    return data


def _parse(path: Path, data: bytes) -> ModelProto:
    for beginning, found in _IMPOSTORS.items():
        if data.startswith(beginning):
            raise OnnxFileError(f"expected an ONNX file, {path} is {found}")
    if data[4:8] == b"ORTM":
        raise OnnxFileError(f"expected an ONNX file, {path} is in onnxruntime's mobile format: try the .onnx file")
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        # Every exporter writes the version of the format first: field 1, a varint.
        fault = "is truncated or damaged" if data[0] == 0x08 else "is something else"
        raise OnnxFileError(
            f"expected an ONNX file, {path} {fault} ({error}); try to copy or export it again"
        ) from None
    if not model.ir_version or not model.graph.node:
        raise OnnxFileError(f"expected an ONNX file, {path} is something else or truncated: it has no graph")
    if not model.opset_import and model.ir_version >= _OPSETS_SINCE:  # onnxruntime would guess
        raise OnnxFileError(f"expected an ONNX file, {path} is truncated or damaged: it names no operator set")
    return model


@dataclass(frozen=True)
class _Place:
    """Where a tensor's bytes are."""

    file: Path
    offset: int
    length: int


def _is_outside(tensor: TensorProto) -> bool:
    return tensor.data_location == TensorProto.EXTERNAL or bool(tensor.external_data)


def _external_place(path: Path, tensor: TensorProto) -> _Place:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if not location or _leaves(location):
        raise _not_inside(path, tensor, location)
    file = path.parent / location
    try:
        inside = file.resolve().is_relative_to(path.parent.resolve())
        size = file.stat().st_size if file.is_file() else None
    except (OSError, RuntimeError) as error:  # too long a name, links in a circle, no permission
        raise OnnxFileError(
            f"cannot read the external data {location!r:.80} of {path}: {reason_of(error):.200}"
        ) from error
    if not inside:
        raise _not_inside(path, tensor, location)
    if size is None:
        raise OnnxFileError(
            f"expected the external data of {path} beside it, {location!r} is missing; try to copy it along"
        )
    offset, length = (entries.get(key, "0") for key in ("offset", "length"))
    start, count = (
        int(text) if text.isdecimal() and len(text) < _MOST_DIGITS else size + 1 for text in (offset, length)
    )
    if start + count > size:
        raise OnnxFileError(
            f"expected the weight {tensor.name!r} of {path} at byte {offset:.20}, {length:.20} bytes long, in "
            f"{location!r}, which has {size} bytes: it is truncated or of another model; try to copy it again"
        )
    return _Place(file, start, count or size - start)


def _not_inside(path: Path, tensor: TensorProto, location: str) -> OnnxFileError:
    return OnnxFileError(
        f"expected external data inside the folder of {path}, the weight {tensor.name!r} is at {location!r}; "
        "try to save the file again with all weights inside"
    )


def _take_in(tensor: TensorProto, place: _Place) -> None:
    try:
        with place.file.open("rb") as file:
            file.seek(place.offset)
            tensor.raw_data = file.read(place.length)
    except OSError as error:
        raise OnnxFileError(f"cannot read the external data {place.file}: {error.strerror}") from error
    tensor.ClearField("external_data")
    tensor.data_location = TensorProto.DEFAULT


def _leaves(location: str) -> bool:
    windows = PureWindowsPath(location)
    absolute = PurePosixPath(location).is_absolute() or windows.is_absolute() or bool(windows.drive or windows.root)
    return absolute or ".." in windows.parts or "\0" in location or os.path.normpath(location) == "."


def _too_large(path: Path, size: int) -> OnnxFileError:
    return OnnxFileError(f"expected an image classifier of less than 2 GiB, {path} has {size / 2**30:.1f} GiB")
