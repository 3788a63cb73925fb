"""Times of one network's nodes in many widths: the samples of a latency model. Also part of the kit for a device.

A sample is an ONNX file of the network with other channel counts. Its call is timed in turn with one of the whole
network, the reference, so that clock and load cancel in their ratio; a second session of it runs under onnxruntime's
profiler, which says how the call's time is shared among its nodes.

Before each timed call the same session runs untimed, as in ``exporters.measure.latency``.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from exporters.measure.profile_events import node_events
from exporters.measure.scheduling import core_sets, held_on, interruptions
from exporters.measure.timed_call import Call, first_call
from exporters.read.session import CPU_PROVIDER, session_options, start_session
from exporters.read.signature import signature_of

SCHEMA: Final = "compress-layer-times/1"
"""The format of a table of layer times."""

Int8For = Literal["", "x86", "arm"]
"""The processor that INT8 samples are for; "": they are float32, or for the machine that made them."""

_FEWEST_ROUNDS: Final = 8
_FEWEST_UNDISTURBED: Final = 5
_WITH_ONE_REFERENCE: Final = 8  # samples; then the reference is opened anew, since one opening may be slower by chance


@dataclass(frozen=True)
class TimingLimits:
    """How a sample is timed: images of a call, threads, seconds and the most rounds for each sample, seed of images."""

    batch_size: int = 1
    threads: int = 1
    seconds: float = 0.8
    most_rounds: int = 60
    seed: int = 0
    provider: str = CPU_PROVIDER


@dataclass(frozen=True)
class NodeMilliseconds:
    """A node as it ran, under the name and the operator that onnxruntime gave it, and its time in a profiled call."""

    name: str
    operator: str
    milliseconds: float


@dataclass(frozen=True)
class SampleTimes:
    """One sample: milliseconds of its call and of the reference's, timed in turn, and of its nodes under the profiler.

    ``whole_ms`` is ``reference_ms``, a median, times the median ratio of the two: their ratio is what counts.
    """

    sha256: str
    whole_ms: float
    reference_ms: float
    nodes: tuple[NodeMilliseconds, ...]


@dataclass(frozen=True)
class LayerTimes:
    """A table of layer times: all samples of a network on one machine.

    ``machine`` and ``versions`` are facts in words, name -> value.
    """

    schema: str
    machine: dict[str, str]
    versions: dict[str, str]
    batch_size: int
    threads: int
    samples: tuple[SampleTimes, ...]
    int8_for: Int8For = ""

    def to_json(self) -> str:
        """The table as the text of a JSON file."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"


@dataclass(frozen=True)
class SampleFile:
    """The bytes of a sample's ONNX file, and their sha256, hexadecimal."""

    data: bytes
    sha256: str


def time_samples(
    files: Sequence[SampleFile], limits: TimingLimits, *, progress: Callable[[int], None] | None = None
) -> tuple[SampleTimes, ...]:
    """Time every file; the first is the reference. ``progress`` gets the number of files that are done.

    OnnxFileError if onnxruntime cannot run a file, CallError if it fails on its images, MachineError without memory.
    """
    cores = core_sets(limits.threads) or ((),)
    found: list[SampleTimes] = []
    for first in range(0, len(files), _WITH_ONE_REFERENCE):
        with held_on(cores[first // _WITH_ONE_REFERENCE % len(cores)]):
            reference = _open(files[0], limits)
            for file in files[first : first + _WITH_ONE_REFERENCE]:
                found.append(_time(file, reference, limits))
                if progress is not None:
                    progress(len(found))
    return tuple(found)


def _open(file: SampleFile, limits: TimingLimits, *, profile: str = "") -> Call:
    options = session_options(threads=limits.threads, profile=profile)
    source = f"sample {file.sha256[:12]}"
    session = start_session(file.data, options, path=source, provider=limits.provider)
    signature = signature_of(session, source=source)
    images = signature.random_images(np.random.default_rng(limits.seed), batch_size=limits.batch_size)
    return first_call(session, signature, images, source=source)


def _time(file: SampleFile, reference: Call, limits: TimingLimits) -> SampleTimes:
    """One sample beside the reference: plain and profiled calls in turn, each after an untimed one."""
    with tempfile.TemporaryDirectory() as folder:
        plain = _open(file, limits)
        with _profiled(file, limits, str(Path(folder) / "profile")) as profiled:
            pairs: list[tuple[float, float]] = []
            disturbed: list[int] = []
            start = time.perf_counter()
            while len(pairs) < _FEWEST_ROUNDS or (
                len(pairs) < limits.most_rounds and time.perf_counter() - start < limits.seconds
            ):
                before = interruptions()
                pairs.append((_settled(plain), _settled(reference)))
                disturbed.append(interruptions() - before)
                _settled(profiled)
        nodes = _nodes(Path(profiled.session.end_profiling()), calls=len(pairs))
    times = np.array(pairs)
    quiet = times[np.array(disturbed) == 0]
    used = quiet if len(quiet) >= _FEWEST_UNDISTURBED else times
    reference_ms = float(np.median(used[:, 1]))
    whole_ms = float(np.median(used[:, 0] / used[:, 1])) * reference_ms
    return SampleTimes(file.sha256, whole_ms, reference_ms, nodes)


@contextmanager
def _profiled(file: SampleFile, limits: TimingLimits, profile: str) -> Iterator[Call]:
    """A session under the profiler; should anything fail, its profile is closed before its folder is removed."""
    call = _open(file, limits, profile=profile)
    try:
        yield call
    except BaseException:
        call.session.end_profiling()
        raise


def _settled(call: Call) -> float:
    call.milliseconds()
    return call.milliseconds()


def _nodes(profile: Path, *, calls: int) -> tuple[NodeMilliseconds, ...]:
    """The nodes of the settled calls, every second one: means of their faster half, as the profile has whole µs."""
    nodes = []
    for events in node_events(profile):
        microseconds = np.sort([event["dur"] for event in events[-2 * calls :][1::2]])
        half = microseconds[: -(-len(microseconds) // 2)]
        operator = events[0]["args"]["op_name"]
        nodes.append(NodeMilliseconds(events[0]["name"], operator, float(half.mean()) / 1e3))
    return tuple(nodes)
