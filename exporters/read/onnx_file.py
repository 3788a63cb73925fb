"""Read an ONNX file from anywhere as data: whole, of bounded size, and from no folder but its own."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import ModelProto, TensorProto

from exporters.errors import OnnxFileError, reason_of
from exporters.read.regular_file import read_regular

LARGEST_BYTES: Final = 2**31 - 1
"""Limit for the file and its external data together; protobuf cannot hold more in one file either."""
_FIRST_IR_WITH_OPSETS: Final = 3  # from this version of the format on, a model has to name its operator sets

# Common mistakes: first bytes of a file -> what it is instead of ONNX.
_OTHER_FORMATS: Final = {
    b"version https://git-lfs": "a Git LFS pointer: try git lfs pull",
    b"PK\x03\x04": "a zip archive, as torch.save writes: try torch.onnx.export",
    b"\x80": "a pickle: try torch.onnx.export",
    b"\x89HDF": "an HDF5 file, as Keras writes: try tf2onnx",
    b"<": "HTML or XML: was it saved from a web page?",
}


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file as it was read."""

    data: bytes  # the model, external weights included
    model: ModelProto  # the same, parsed
    external: tuple[Path, ...]  # the other files that hold weights, each once, inside its folder
    size_bytes: int  # of the file and its external data
    sha256: str  # of the file's bytes, followed by those of its external data, hexadecimal


def read_onnx(path: Path) -> OnnxFile:
    """Read and parse a file; nothing in it runs, and it need not be a classifier.

    External weights are copied into the model, because onnxruntime fails where small tensors, such as the
    axes of a sum, are stored outside. FileError if a file is missing, too large or no regular file, OnnxFileError if it
    is empty, truncated or not ONNX, or weights are not in its folder.
    """
    data = _read_bytes(path)
    model = _parse(path, data)
    places = [
        (tensor, *_external_place(path, tensor))
        for tensor in tensors_of(model)
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data
    ]
    external = tuple(dict.fromkeys(file for _tensor, file, _bytes in places))
    size = len(data) + sum(file.stat().st_size for file in external)
    if max(size, sum(len(bytes_) for _tensor, _file, bytes_ in places)) > LARGEST_BYTES:
        raise OnnxFileError(
            f"expected an image classifier of less than 2 GiB, {path} has {size / 2**30:.1f} GiB with its external data"
        )
    digest = hashlib.sha256(data)
    contents = {file: read_regular(file, limit=LARGEST_BYTES, kind="external data") for file in external}
    for tensor, file, bytes_ in places:
        tensor.raw_data = contents[file][bytes_.start : bytes_.stop]
        tensor.ClearField("external_data")
        tensor.data_location = TensorProto.DEFAULT
    for content in contents.values():
        digest.update(content)
    whole = model.SerializeToString() if places else data
    return OnnxFile(whole, model, external=external, size_bytes=size, sha256=digest.hexdigest())


def nested_messages(message: Message) -> Iterator[Message]:
    """``message`` and every message inside it, parents first."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for child in (value,) if isinstance(value, Message) else value:
            yield from nested_messages(child)


def tensors_of(model: ModelProto) -> Iterator[TensorProto]:
    """Every tensor stored in the model: initializers and constants in attributes, at any depth."""
    return (message for message in nested_messages(model) if isinstance(message, TensorProto))


def _read_bytes(path: Path) -> bytes:
    data = read_regular(path, limit=LARGEST_BYTES, kind="ONNX file")
    if not data:
        raise OnnxFileError(f"expected an ONNX file, {path} is empty; try to copy or export it again")
    return data


def _parse(path: Path, data: bytes) -> ModelProto:
    for beginning, found in _OTHER_FORMATS.items():
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
    if not model.opset_import and model.ir_version >= _FIRST_IR_WITH_OPSETS:  # onnxruntime would guess
        raise OnnxFileError(f"expected an ONNX file, {path} is truncated or damaged: it names no operator set")
    if (text := next(_broken_texts(model), None)) is not None:
        raise OnnxFileError(f"expected an ONNX file, {path} is damaged: it has text that is not UTF-8, {text!r:.80}")
    return model


def _broken_texts(model: ModelProto) -> Iterator[bytes]:
    """Names and other text that protobuf could not decode and left as bytes."""
    for message in nested_messages(model):
        for field, value in message.ListFields():
            if field.type == field.TYPE_STRING:
                texts = (value,) if isinstance(value, str | bytes) else value
                yield from (text for text in texts if isinstance(text, bytes))


def _external_place(path: Path, tensor: TensorProto) -> tuple[Path, range]:
    """The file that an external tensor is in, and which of its bytes."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = path.parent / location
    try:
        found = file.is_file() and file.resolve().is_relative_to(path.parent.resolve())
        size = file.stat().st_size if found else 0
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, a link to itself, no permission, a NUL
        raise OnnxFileError(
            f"cannot read the external data {location!r:.80} of {path}: {reason_of(error):.200}"
        ) from error
    if not found:
        raise OnnxFileError(
            f"expected external data inside the folder of {path}, {tensor.name!r:.80} is at {location!r:.80}, which "
            "is missing or outside; try to copy it along, or to save the file again with all weights inside"
        )
    offset, length = (entries.get(key, "0") for key in ("offset", "length"))
    try:
        start, count = int(offset), int(length)
    except ValueError:
        start, count = -1, 0
    if not 0 <= start <= start + count <= size:
        raise OnnxFileError(
            f"expected the weight {tensor.name!r:.80} of {path} at byte {offset:.20}, {length:.20} bytes long, in "
            f"{location!r:.80}, which has {size} bytes: it is truncated or of another model; try to copy it again"
        )
    return file, range(start, start + count if count else size)
