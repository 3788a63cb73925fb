"""What a run keeps as JSON: written strictly, and its shape checked when it is read."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from compress.errors import BadInputError
from compress.json_text import parse_json, schema_faults
from compress.settings.preprocessing import ChannelOrder, Interpolation
from compress.structure.remove import LayerChange


def json_bytes(value: object) -> bytes:
    """A value as a JSON file; ValueError for NaN or infinity."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def json_value(data: bytes, like: Any, *, source: object) -> Any:
    """The value in a JSON file as it is; BadInputError unless it has the type or the shape ``like``, and maybe more."""
    value = parse_json(data, source=source)
    try:
        TypeAdapter(like).validate_python(value)
    except ValidationError as error:
        raise BadInputError(f"{source} is not what a run writes: {schema_faults(error)[0]}") from None
    return value


@dataclass(frozen=True)
class Finished:
    """``finished.json`` of a stage."""

    seconds: float


@dataclass(frozen=True)
class Images:
    """``data.json``: which images a run began with."""

    fingerprint: str


@dataclass(frozen=True)
class Code:
    """``code.json``: whose code builds the network."""

    model: str
    file: str | None
    sha256: str


@dataclass(frozen=True)
class Removal:
    """``04_remove/removal.json``."""

    batchnorm_recalibrated: int
    layers: list[LayerChange]


@dataclass(frozen=True)
class HowPrepared:
    """How a picture becomes the input of the network, in ``ModelFacts``."""

    resize: Annotated[int, Field(ge=1)] | Literal["squash"] | None = None
    crop: Annotated[float, Field(ge=0.01, le=1)] | None = None
    interpolation: Interpolation | None = None
    channel_order: ChannelOrder = "rgb"


_Channels = Annotated[list[float], Field(min_length=1, max_length=3)]


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """``artifacts/model.json``: what reports and exports use of it."""

    arch: str
    mean: _Channels
    std: _Channels
    resize: Any
    files: dict[str, str]
    preprocessing: HowPrepared = HowPrepared()


@dataclass(frozen=True, kw_only=True)
class NetworkFacts(ModelFacts):
    """``artifacts/model.json``: what rebuilds a network, too."""

    classes: list[str]
    image_size: Annotated[int, Field(ge=1, le=8192)]
    channels: Annotated[int, Field(ge=1, le=3)]
