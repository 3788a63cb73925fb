"""Copy the original of another run instead of training it again."""

from pathlib import Path
from typing import Any, Final

from compress.errors import UsageError
from compress.runs import STAGES, RunFolder
from compress.runs.code_record import RECORD
from compress.runs.reopen_finished import HOW_READ

ORIGINAL: Final = STAGES[:2]
"""The stages in which nothing is pruned yet: the baseline, and the original trained on for as long."""

AFTER: Final = frozenset({"method", "plan", "keep_macs", "keep_params", "align", "population", "distill", "opset"})
"""Settings that do not affect these stages."""

_RECORDS: Final = {"images": "data.json", "code": RECORD}
"""Files that must match for two runs to share an original: label -> path."""


def take_original(run: RunFolder, path: Path) -> tuple[str, ...]:
    """Copy the stages of the original that another run has finished and this one has not.

    Args:
        run: open for writing, with its settings and its data's fingerprint recorded.
        path: the other run's folder.

    Returns:
        The stages taken.

    Raises:
        UsageError: the other run's original is another one.
        BadInputError: no run folder, or a file in it was changed.
    """
    other = RunFolder.open(path)
    ignored = {*AFTER, *HOW_READ}
    mine, theirs = (folder.read_config().model_dump(mode="json", exclude=ignored) for folder in (run, other))
    different = [name for name in mine if mine[name] != theirs[name]]
    different += [what for what, name in _RECORDS.items() if _recorded(run, name) != _recorded(other, name)]
    if different:
        raise UsageError(
            f"expected a run with the same original in {path}, it differs in {', '.join(different)}; "
            "try without it: the original is trained here then"
        )
    return run.take_stages(other, ORIGINAL)


def _recorded(run: RunFolder, name: str) -> Any:
    return run.read_json(name) if run.has(name) else None
