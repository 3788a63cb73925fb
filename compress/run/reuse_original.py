"""Copy the original of another run instead of training it again."""

from pathlib import Path
from typing import Any, Final

from compress.errors import UsageError
from compress.runs import STAGES, RunFolder
from compress.runs.recorded_inputs import CODE, DATA, HOW_READ

ORIGINAL: Final = STAGES[:2]
"""The stages in which nothing is pruned yet: the baseline, and the original trained on for as long."""

_NO_EFFECT: Final = {*HOW_READ, "method", "plan", "keep_macs", "keep_params", "align", "population", "distill", "opset"}
"""Settings that do not affect these stages."""


def reuse_original(run: RunFolder, path: Path) -> tuple[str, ...]:
    """Copy the stages of the original that the run in ``path`` has finished and this one has not; their names.

    ``run`` is open for writing, with its inputs recorded. UsageError if the other run's original is another one,
    BadInputError if ``path`` is no run folder, or a file in it was changed.
    """
    other = RunFolder.open(path)
    mine, theirs = (_what_decides(folder) for folder in (run, other))
    different = [name for name in mine if mine[name] != theirs[name]]
    if different:
        raise UsageError(
            f"expected a run with the same original in {path}, it differs in {', '.join(different)}; "
            "try without it: the original is trained here then"
        )
    return run.copy_stages(other, ORIGINAL)


def _what_decides(run: RunFolder) -> dict[str, Any]:
    """Settings, images and code that two runs with the same original share."""
    inputs = {"images": DATA, "code": CODE}
    recorded = {what: run.read_json(name) if run.has(name) else None for what, name in inputs.items()}
    return run.read_config().model_dump(mode="json", exclude=_NO_EFFECT) | recorded
