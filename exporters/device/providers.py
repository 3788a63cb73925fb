"""Execution providers of onnxruntime: which one runs a file, and which nodes fall back to the CPU."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime

from exporters.errors import CallError
from exporters.measure.profile_events import node_events
from exporters.read.session import CPU_PROVIDER, run_logits, session_options, start_session

_ENDING = "ExecutionProvider"


def choose_provider(name: str) -> str:
    """The provider of a name, "cuda" or "CUDAExecutionProvider"; CallError if this onnxruntime has none such."""
    available = onnxruntime.get_available_providers()
    for provider in available:
        if name.lower() in (provider.lower(), provider[: -len(_ENDING)].lower()):
            return provider
    short = ", ".join(provider[: -len(_ENDING)].lower() for provider in available)
    raise CallError(f"expected a provider that this onnxruntime has ({short}) for --provider, got {name!r}")


def nodes_by_provider(provider: str, data: bytes, images: np.ndarray, *, source: object) -> dict[str, dict[str, int]]:
    """How many nodes of each operator ran where, in one call: provider -> operator -> nodes."""
    with tempfile.TemporaryDirectory() as folder:
        options = session_options(threads=1, profile=str(Path(folder) / "profile"))
        session = start_session(data, options, path=source, provider=provider)
        run_logits(session, images)
        nodes = node_events(Path(session.end_profiling()))
    ran: dict[str, Counter[str]] = {}
    for first, *_others in nodes:
        facts = first["args"]
        ran.setdefault(facts.get("provider", CPU_PROVIDER), Counter())[facts["op_name"]] += 1
    return {name: dict(sorted(operators.items())) for name, operators in ran.items()}
