"""onnxruntime's profile of a session, by node. Also part of the kit for a device."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any


def node_events(profile: Path) -> list[list[dict[str, Any]]]:
    """The events of each node in the order of the first call, one event for each call of the session."""
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in json.loads(profile.read_text(encoding="utf-8")):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            events[event["args"]["node_index"]].append(event)
    return list(events.values())
