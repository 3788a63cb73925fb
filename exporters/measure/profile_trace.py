"""Time of each node of onnxruntime's optimised graph, from its profiler."""

import json
import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exporters.measure.calls import CallFactory
from exporters.measure.profile_notes import BLOCKED
from exporters.measure.scheduling import core_sets, held_on
from exporters.read.session import session_options

FEWEST_CALLS = 50
_MOST_CALLS = 200
_SECONDS = 2.0  # for both files, unless the fewest calls take longer
_WARMUP = 5
_NEXT_TO_NOTHING = 1000  # bytes
_BYTES = {"float": 4, "float16": 2, "int32": 4, "int64": 8, "double": 8}

Shape = tuple[int, ...]


@dataclass(frozen=True)
class NodeTime:
    """A node as it ran.

    Attributes:
        name: given by onnxruntime.
        operator: "Conv", "QLinearConv", "ReorderOutput", ...
        milliseconds: mean of the middle half of its calls; onnxruntime counts whole microseconds,
            too coarse for a median of small nodes.
        moved_bytes: of the tensors that it read and wrote, weights among them where ``lists_weight``.
        lists_weight: whether its weight is in the profile: not where onnxruntime has packed it its own way.
    """

    name: str
    operator: str
    milliseconds: float
    moved_bytes: int
    lists_weight: bool

    @property
    def kernel(self) -> str:
        """The operator, and whether it ran in onnxruntime's blocked layout."""
        return self.operator + (BLOCKED if "_nchwc" in self.name else "")


@dataclass(frozen=True)
class Trace:
    """The nodes of one file in the order they ran, and the calls that their times are over."""

    calls: int
    nodes: tuple[NodeTime, ...]

    @property
    def fixed_ms(self) -> float:
        """The time of a node with next to nothing to do, in milliseconds."""
        idle = [node.milliseconds for node in self.nodes if node.moved_bytes < _NEXT_TO_NOTHING]
        return float(np.median(idle)) if idle else min((node.milliseconds for node in self.nodes), default=0.0)


def trace_operators(files: Sequence[CallFactory], *, threads: int) -> tuple[Trace, ...]:
    """Run files in turn under onnxruntime's profiler."""
    cores = core_sets(threads)
    with tempfile.TemporaryDirectory(prefix="profile-") as folder, held_on(cores[0] if cores else ()):
        calls = []
        for number, file in enumerate(files):
            options = session_options(threads=threads)
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / str(number))
            calls.append(file.open(threads=threads, options=options))
        done, start = -_WARMUP, time.perf_counter()
        while done < FEWEST_CALLS or (done < _MOST_CALLS and time.perf_counter() - start < _SECONDS):
            for call in calls:
                call.milliseconds()
            done += 1
        return tuple(_read_trace(Path(call.session.end_profiling()), calls=done) for call in calls)


def _read_trace(profile: Path, *, calls: int) -> Trace:
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in json.loads(profile.read_text()):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            events[event["args"]["node_index"]].append(event)
    nodes = [_node_time(same, calls=calls) for same in events.values()]
    return Trace(calls=calls, nodes=tuple(nodes))


def _node_time(events: Sequence[dict[str, Any]], *, calls: int) -> NodeTime:
    first = events[0]
    took = np.sort([event["dur"] for event in events[-calls:]])
    middle = took[len(took) // 4 : len(took) - len(took) // 4]
    inputs, outputs = (_tensors(first["args"].get(key, ())) for key in ("input_type_shape", "output_type_shape"))
    return NodeTime(
        name=first["name"],
        operator=first["args"]["op_name"],
        milliseconds=float(middle.mean()) / 1e3,
        moved_bytes=sum(_BYTES.get(kind, 1) * math.prod(shape) for kind, shape in inputs + outputs),
        lists_weight=sum(len(shape) >= 2 for _kind, shape in inputs) >= 2,
    )


def _tensors(listed: Sequence[dict[str, list[int]]]) -> list[tuple[str, Shape]]:
    """Type and shape of each tensor in [{"float": [1, 3, 8, 8]}, ...], as the profile writes them."""
    return [(kind, tuple(shape)) for tensor in listed for kind, shape in tensor.items()]
