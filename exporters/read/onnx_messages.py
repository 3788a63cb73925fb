"""Walk the nested messages of an ONNX model: graphs, nodes, attributes, tensors, value infos."""

from collections.abc import Iterator

from google.protobuf.message import Message  # type: ignore[import-untyped]
from onnx import ModelProto, TensorProto


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


def strip_traces(model: ModelProto) -> None:
    """Remove what tells of the machine that made the model: stack traces, file names, free text."""
    for message in nested_messages(model):
        for field in ("metadata_props", "doc_string"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
