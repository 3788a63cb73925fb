"""Run a file on the test images, and see where its nodes run.

Axes: N images, K classes.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from compress.data.bundle import DataBundle
from compress.environment import usable_cores
from compress.errors import UsageError
from compress.exporter_faults import as_bad_input
from compress.lists import listed
from compress.report.figures import plural
from compress.report.model import NetworkRow
from compress.report.node_table import operator_counts
from compress.report.results import Placement
from compress.verdict.open_files import FileSpec, check_finite
from exporters.device.answers import FEWEST_AGREEING
from exporters.device.providers import nodes_by_provider, short_name
from exporters.measure.calls import calls_of
from exporters.read.logits import predict_logits
from exporters.read.onnx_file import read_onnx
from exporters.read.preparation import Conversion
from exporters.read.session import CPU_PROVIDER

_MOST_NAMED: Final = 5  # operators in a note; the table has all
_SMALLEST: Final = float(np.finfo(np.float32).tiny)


def classify(
    file: FileSpec,
    data: DataBundle,
    *,
    batch_size: int = 64,
    threads: int | None = None,
    provider: str = CPU_PROVIDER,
) -> np.ndarray:
    """Logits float32 [N, K] of a file for all test images, in the order of ``data.classes``.

    ``batch_size`` is for files that leave it free; ``threads`` are all cores by default. BadInputError if the file
    fails on an image, UsageError if it was opened for another data set, EnvironmentProblem if ``provider`` does not
    start.
    """
    if file.data.fingerprint != data.fingerprint:
        raise UsageError(f"expected {file.path} to be opened for the data set {data.name}, got {file.data.name}")
    conversion = Conversion(file.data.preprocessing.preparation, file.preparation, file.signature)
    images, threads = (images for images, _labels in file.data.test.batches(batch_size)), threads or usable_cores()
    with as_bad_input():
        scores_NK = predict_logits(file.path, images, threads=threads, conversion=conversion, provider=provider)
    check_finite(scores_NK, file.path)
    if file.class_order is not None:
        scores_NK = scores_NK[:, list(file.class_order)]
    return np.log(np.maximum(scores_NK, _SMALLEST)) if file.gives_probabilities else scores_NK


def place(file: FileSpec, data: DataBundle, logits_NK: np.ndarray, *, threads: int, provider: str) -> Placement | None:
    """Where the file's nodes run, and how many of its answers, from ``logits_NK``, are the CPU's; ``None`` there."""
    if provider == CPU_PROVIDER:
        return None
    images = calls_of(file.runnable, batch_size=file.signature.batch or 1, seed=0).images
    nodes = nodes_by_provider(provider, read_onnx(file.path).data, images, source=file.path)
    on_cpu_NK = classify(file, data, threads=threads)
    return Placement(nodes=nodes, same_class=int((logits_NK.argmax(axis=1) == on_cpu_NK.argmax(axis=1)).sum()))


def placement_notes(rows: Iterable[NetworkRow], provider: str) -> Iterator[str]:
    """A note on each file of which nodes ran on the CPU instead, or that gives many other answers than there."""
    name = short_name(provider)
    for row in rows:
        if row.placement is None:
            continue
        nodes = row.placement.nodes
        if provider not in nodes:
            yield f"no node of {row.label} ran on {name}: its times are the CPU's"
        elif on_cpu := nodes.get(CPU_PROVIDER):
            count, operators = plural(sum(on_cpu.values()), "node"), listed(operator_counts(on_cpu), most=_MOST_NAMED)
            yield f"{count} of {row.label} ran on the CPU, not on {name}: {operators}"
        images = row.accuracy.images
        if row.placement.same_class < FEWEST_AGREEING * images:
            other = images - row.placement.same_class
            yield f"{row.label} gives another class on {name} than on the CPU for {other:,} of {images:,} test images"
