"""The metadata of an ONNX file: preprocessing, image size and classes, and what is assumed where it has none."""

import ast
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final
from unicodedata import normalize

from pydantic import TypeAdapter

from compress.data.bundle import DataBundle
from compress.errors import BadInputError, CompressError, UsageError
from compress.settings.preprocessing import FRAMING, NOTED, PreprocessingSettings
from compress.settings.verify import UserOverrides
from exporters.errors import ExportError
from exporters.read.preparation import RAW_PIXELS, Preparation
from exporters.read.signature import Signature

LARGEST_IMAGE: Final = 1024
"""Height and width in pixels, as for ``--image-size``."""

CLASS_KEYS: Final = ("classes", "names", "labels", "class_names", "id2label", "label2id")
"""Keys of metadata that name the classes: this program's, ultralytics', others', Hugging Face's."""

_LONGEST_NAME: Final = 256
"""Characters of a class in a dict of names, on average: Python's parser takes a thousand times their memory."""

_NUMBERS: Final = TypeAdapter(tuple[float, ...])


def read_preparation(
    metadata: Mapping[str, str], signature: Signature, overrides: UserOverrides, data: DataBundle, *, source: str
) -> tuple[Preparation, tuple[str, ...]]:
    """How a file's images are prepared, and notes for the report.

    Its type decides, else its metadata, the user's values, the data set's. UsageError if the user's mean and std do
    not fit the file's channels.
    """
    if signature.dtype == "uint8":
        return RAW_PIXELS, ()
    channels = signature.channels
    noted, stated = fitted(noted_preparation(metadata), channels), overrides.preparation()
    if noted is not None:
        note = f"{source} says itself how its images are prepared: --mean and --std are not used for it"
        return noted, (note,) if stated is not None and fitted(stated, channels) != noted else ()
    if stated is not None:
        try:
            return stated.for_channels(channels), ()
        except ExportError as error:
            raise UsageError(f"--mean and --std for {source}: {error}") from None
    if data.prepared:
        return data.preprocessing.preparation.for_channels(channels), ()
    assumed = replace(data.preprocessing.preparation, bgr=overrides.channel_order == "bgr")
    note = (
        f"{source} does not say how its images are prepared: assumed {assumed.in_words()}, "
        "as for the data set; give --mean and --std, or --preprocessing, if it is otherwise"
    )
    return assumed.for_channels(channels), (note,)


def read_image_size(
    metadata: Mapping[str, str], signature: Signature, overrides: UserOverrides, *, source: str
) -> int | None:
    """Height and width of a file's images in pixels; ``None`` where any will do and none is given.

    BadInputError if they are not square, or too large.
    """
    height, width = signature.height, signature.width
    if height != width and height is not None and width is not None:
        raise BadInputError(
            f"expected square images, {source} takes {height} x {width} pixels, and data sets are loaded square; "
            "try a file with a free or a square image size"
        )
    noted = _json(metadata, "image_size")
    known = noted if type(noted) is int and noted > 0 else None  # not True, which counts as 1 elsewhere
    size = height or width or overrides.image_size or known
    if size is not None and size > LARGEST_IMAGE:
        raise BadInputError(f"expected images of at most {LARGEST_IMAGE} pixels a side, {source} takes {size}")
    return size


def read_class_order(
    metadata: Mapping[str, str], data: DataBundle, *, source: str
) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    """For every class of the data set its place in the file's outputs, and notes; ``None`` for the same order."""
    own = [normalize("NFC", name) for name in data.classes]
    names = [normalize("NFC", name) for name in class_names(metadata, longest=_LONGEST_NAME * len(own))]
    if len(names) != len(own):
        seen = " and ".join(repr(key) for key in CLASS_KEYS if key in metadata)
        what = f"names no {len(own)} classes that can be read in {seen}" if seen else "does not name its classes"
        return None, (f"{source} {what}: assumed in the data set's sorted order, {_shortened(own)}",)
    if names == own:
        return None, ()
    if sorted(names) == sorted(own) and len(set(own)) == len(own):
        note = f"{source} has the data set's classes in another order: its outputs are put into the data set's"
        return tuple(names.index(name) for name in own), (note,)
    other = f"{source} names other classes ({_shortened(names)}) than the data set ({_shortened(own)}): "
    return None, (f"{other}taken as the same ones in this order",)


def read_resize(metadata: Mapping[str, str], data: DataBundle, *, source: str) -> tuple[str, ...]:
    """A note where the file was made for images resized in another way."""
    noted = _json(metadata, "resize")
    if data.prepared or not isinstance(noted, str) or noted == data.preprocessing.resize:
        return ()
    return (f"{source} was made for images resized so: {noted}; here: {data.preprocessing.resize}",)


def read_framing(
    metadata: Mapping[str, str], overrides: UserOverrides, *, source: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings that resize and crop a file's images, its own before the user's, and notes."""
    own, stated = (
        {name: given.get(name) for name in FRAMING} for given in (_noted_settings(metadata), overrides.model_dump())
    )
    if not any(own.values()):
        return stated, ()
    note = f"{source} says itself how its images are resized: --resize, --crop and --interpolation are not used for it"
    return own, (note,) if any(value not in (None, own[name]) for name, value in stated.items()) else ()


def _noted_settings(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What a file written here says of its preprocessing besides mean and std; empty where it is the usual."""
    noted = _json(metadata, "preprocessing")
    own = {name: noted[name] for name in NOTED if name in noted} if isinstance(noted, dict) else {}
    try:
        return PreprocessingSettings(**own).model_dump() if own else {}
    except (ValueError, TypeError, CompressError):
        return {}  # another tool's key of the same name


def noted_preparation(metadata: Mapping[str, str]) -> Preparation | None:
    """How a file says that its images are normalised; ``None`` if it does not."""
    try:
        mean, std = (_NUMBERS.validate_json(metadata.get(key, "[]"), strict=True) for key in ("mean", "std"))
        return Preparation(mean, std, bgr=_noted_settings(metadata).get("channel_order") == "bgr")
    except (ValueError, ExportError):
        return None  # another tool's key of the same name, in other units


def fitted(preparation: Preparation | None, channels: int) -> Preparation | None:
    """A value per channel; ``None`` where there are other numbers of values."""
    try:
        return None if preparation is None else preparation.for_channels(channels)
    except ExportError:
        return None


def class_names(metadata: Mapping[str, str], *, longest: int) -> list[str]:
    """The classes in the order of the outputs; empty where no key in ``CLASS_KEYS`` names them.

    A value is a list of names, a dict from number to name or one from name to number, in JSON or Python's notation, of
    at most ``longest`` characters.
    """
    values = (metadata[key] for key in CLASS_KEYS if key in metadata)
    return next((names for value in values if len(value) <= longest and (names := _listed(_literal(value)))), [])


def _listed(noted: Any) -> list[str]:
    """A list of names, or of the names that a dict numbers from 0 on without a gap; empty where it is neither."""
    if isinstance(noted, dict):
        if noted and all(type(value) is int for value in noted.values()):  # label2id
            noted = {number: name for name, number in noted.items()}
        numbered = {int(key): name for key, name in noted.items() if type(key) is int or str(key).isdecimal()}
        noted = [numbered[number] for number in range(len(noted))] if numbered.keys() == {*range(len(noted))} else []
    if not isinstance(noted, list | tuple) or not all(isinstance(name, str | int) for name in noted):
        return []
    return [str(name).encode(errors="replace").decode() for name in noted]  # numbered classes: 0, 1, 2


def _literal(text: str) -> Any:
    """A value in JSON or in Python's notation; nothing is evaluated. ``None`` where it is neither."""
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    with suppress(ValueError, SyntaxError, TypeError, AttributeError, MemoryError, RecursionError):
        return ast.literal_eval(text)
    return None


def _json(metadata: Mapping[str, str], key: str) -> Any:
    try:
        return json.loads(metadata.get(key, "null"))
    except (ValueError, RecursionError):
        return None


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) <= 4 else [*names[:3], "...", names[-1]])
