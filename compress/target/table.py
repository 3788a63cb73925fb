"""Tables of layer times: read strictly from a file, or measured here and kept in the user's cache."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compress.atomic import write_atomically
from compress.environment import cache_folder, describe_cpu, package_versions
from compress.errors import BadInputError, EnvironmentProblem
from compress.exporter_faults import read_file
from compress.json_text import parse_json, schema_faults
from compress.target.samples import SampleSet
from exporters.measure.layer_times import (
    SCHEMA,
    Int8For,
    LayerTimes,
    NodeMilliseconds,
    SampleTimes,
    TimingLimits,
    time_samples,
)

MAX_BYTES: Final = 2**26

_Milliseconds = Annotated[float, Field(gt=0, lt=1e7)]
_Words = Annotated[dict[str, Annotated[str, Field(max_length=500)]], Field(max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Node(_Part):
    name: str
    operator: str
    milliseconds: Annotated[float, Field(ge=0, lt=1e7)]


class _Sample(_Part):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    whole_ms: _Milliseconds
    reference_ms: _Milliseconds
    nodes: Annotated[list[_Node], Field(min_length=1, max_length=100_000)]


class _Table(_Part):
    model_config = ConfigDict(extra="allow", strict=True)  # a device's table may say more of it

    schema_: Annotated[Literal["compress-layer-times/1"], Field(alias="schema")]
    machine: _Words
    versions: _Words
    batch_size: Annotated[int, Field(ge=1, le=2**20)]
    threads: Annotated[int, Field(ge=1, le=2**10)]
    samples: Annotated[list[_Sample], Field(min_length=1, max_length=10_000)]
    int8_for: Int8For = ""


def parse_table(data: bytes, *, source: object) -> LayerTimes:
    """A table of layer times; BadInputError, with its ``source``, if it is none or holds impossible numbers."""
    document = parse_json(data, source=source)
    try:
        table = _Table.model_validate(document)
    except ValidationError as error:
        raise BadInputError(f"{source} is not a table of layer times: {schema_faults(error)[0]}") from None
    samples = tuple(
        SampleTimes(
            sample.sha256,
            sample.whole_ms,
            sample.reference_ms,
            tuple(NodeMilliseconds(node.name, node.operator, node.milliseconds) for node in sample.nodes),
        )
        for sample in table.samples
    )
    return LayerTimes(
        SCHEMA, table.machine, table.versions, table.batch_size, table.threads, samples, int8_for=table.int8_for
    )


def read_table(path: Path) -> LayerTimes:
    """A table of layer times, such as a device's; BadInputError if it is none."""
    return parse_table(read_file(path, limit=MAX_BYTES, kind="table of layer times"), source=path)


def read_device_table(path: Path, *, int8: bool) -> LayerTimes:
    """The table of a device; BadInputError also if it is of files in another precision than the one asked for."""
    table = read_table(path)
    if int8 and not table.int8_for:
        raise BadInputError(
            f"{path} is of float32 files: drop --target-precision int8, or make a kit of INT8 files: "
            "compress kit RUN --layers --int8-for x86 (or arm)"
        )
    if table.int8_for and not int8:
        raise BadInputError(f"{path} is of INT8 files: give --target-precision int8")
    return table


def of_samples(table: LayerTimes, samples: SampleSet, *, source: object) -> LayerTimes:
    """The part of a table that is of a network's samples, in their order; BadInputError if it lacks some of them."""
    timed = {sample.sha256: sample for sample in table.samples}
    missing = [file for file in samples.files if file.sha256 not in timed]
    if missing:
        raise BadInputError(
            f"{source} is of other files: it lacks {len(missing)} of the {len(samples.files)} samples of this network; "
            "expected the network, image size, classes, opset and versions of torch, onnx and, in INT8, onnxruntime "
            "that the kit was made with; try to make the kit again"
        )
    return replace(table, samples=tuple(timed[file.sha256] for file in samples.files))


def time_here(samples: SampleSet, limits: TimingLimits, *, progress: Callable[[int], None]) -> LayerTimes:
    """Time the samples on this machine; ``progress`` gets the number that are done."""
    found = time_samples(samples.files, limits, progress=progress)
    return LayerTimes(SCHEMA, *timed_here(), batch_size=limits.batch_size, threads=limits.threads, samples=found)


def cached_times(samples: SampleSet, limits: TimingLimits) -> LayerTimes | None:
    """The times of these samples in the user's cache, of this machine and its versions; ``None`` if there are none."""
    path = _cache_path(samples, limits)
    if path is None or not path.exists():
        return None
    try:
        return of_samples(read_table(path), samples, source=path)
    except (BadInputError, EnvironmentProblem):  # damaged: it is made again
        return None


def cache_times(samples: SampleSet, limits: TimingLimits, table: LayerTimes) -> None:
    """Keep times in the user's cache; a cache that cannot be written is not an error."""
    path = _cache_path(samples, limits)
    if path is not None:
        with suppress(OSError, EnvironmentProblem):
            write_atomically(path, table.to_json().encode())


def timed_here() -> tuple[dict[str, str], dict[str, str]]:
    """This machine, and the versions that its times depend on: what a model of its times is of."""
    cpu = describe_cpu()
    machine = {"cpu": cpu["model"], "isa": " ".join(cpu["isa"]), "cores": str(cpu["cores"])}
    return machine, {"onnxruntime": str(package_versions()["onnxruntime"])}


def _cache_path(samples: SampleSet, limits: TimingLimits) -> Path | None:
    """Where these times would be; ``None`` for a user without a home folder."""
    key = [SCHEMA, *timed_here(), limits.batch_size, limits.threads, [file.sha256 for file in samples.files]]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
    try:
        return cache_folder("layer-times") / f"{name}.json"
    except RuntimeError:
        return None
