"""A run without a report: can it be resumed, or would it fail again?"""

import json
import shlex

from compress.runs.folder import EVENTS, RunFolder

FAILED = "failed"
"""The kind of the event that ends a run which would fail in the same way if it went on."""


def failure(run: RunFolder) -> str:
    """Why a run failed for good, if that was the last that happened to it; the log has no checksum."""
    try:
        last = (run.path / EVENTS).read_text(encoding="utf-8").splitlines()[-1]
        event = json.loads(last)
        return str(event["reason"]) if event["kind"] == FAILED else ""
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return ""


def advice(run: RunFolder) -> str:
    """How a run without a verdict gets one, or why it gets none."""
    reason = failure(run)
    return f"it failed, {reason}" if reason else f"go on with compress run --resume {shlex.quote(str(run.path))}"
