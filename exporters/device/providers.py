"""Execution providers of onnxruntime: which one runs a file, and which nodes fall back to the CPU."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime

from exporters.errors import SettingError
from exporters.measure.profile_events import node_events
from exporters.read.session import CPU_PROVIDER, run_logits, session_options, start_session

_ENDING = "ExecutionProvider"
_NUMBER = re.compile(r"_\d+$")
_PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "dml": "onnxruntime-directml",
    "openvino": "onnxruntime-openvino",
    "qnn": "onnxruntime-qnn",
    "tensorrt": "onnxruntime-gpu",
}
"""Providers that a package of Python's index has."""


def short_name(provider: str) -> str:
    """The name without its ending, "OpenVINO" of "OpenVINOExecutionProvider"."""
    return provider.removesuffix(_ENDING)


def choose_provider(name: str) -> str:
    """The provider of a name, "cuda" or "CUDAExecutionProvider"; SettingError if this onnxruntime has none such."""
    available, wanted = onnxruntime.get_available_providers(), name.lower().removesuffix(_ENDING.lower())
    for provider in available:
        if wanted == short_name(provider).lower():
            return provider
    names = ", ".join(short_name(provider).lower() for provider in available)
    advice = f"the package {_PACKAGES[wanted]} in place of" if wanted in _PACKAGES else "another build of"
    raise SettingError(
        f"expected a provider that this onnxruntime has ({names}) for --provider, got {name!r:.80}; "
        f"try {advice} onnxruntime"
    )


def nodes_by_provider(provider: str, data: bytes, images: np.ndarray, *, source: object) -> dict[str, dict[str, int]]:
    """How many nodes of each operator ran where, in one call: provider -> operator -> nodes.

    The running number of a compiled node, "OpenVINO-EP-subgraph_9", is left out: it is another one in each session.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = session_options(threads=1, profile=str(Path(folder) / "profile"))
        session = start_session(data, options, path=source, provider=provider)
        run_logits(session, images)
        nodes = node_events(Path(session.end_profiling()))
    ran: dict[str, Counter[str]] = {}
    for first, *_others in nodes:
        facts = first["args"]
        ran.setdefault(facts.get("provider", CPU_PROVIDER), Counter())[_NUMBER.sub("", facts["op_name"])] += 1
    return {name: dict(sorted(operators.items())) for name, operators in ran.items()}
