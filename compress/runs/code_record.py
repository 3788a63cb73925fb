"""The record of the code that built the user's own network: only compared, never run."""

from typing import Final

from compress.networks.own_code import OwnCode
from compress.runs import RunFolder

RECORD: Final = "code.json"


def record_code(run: RunFolder, code: OwnCode | None) -> tuple[str, ...]:
    """Record the code of a new run; compare it in a resumed run.

    Returns:
        A note where the code is another now.
    """
    if code is not None and not run.has(RECORD):
        run.write_json(RECORD, {"model": code.spec, "file": code.file, "sha256": code.sha256})
    notes = code_notes(run, code)
    for note in notes:
        run.event("code changed", note=note)
    return notes


def code_notes(run: RunFolder, code: OwnCode | None) -> tuple[str, ...]:
    """A note where the network's code is not what the run began with."""
    if code is None or not run.has(RECORD):
        return ()
    began = run.read_json(RECORD)
    if began["sha256"] == code.sha256:
        return ()
    return (
        f"the network's code has changed since the run began: {_shown(began['file'], began['sha256'])} then, "
        f"{_shown(code.file, code.sha256)} now",
    )


def _shown(file: str, sha256: str) -> str:
    return f"{file} {sha256[:12]}" if file else "no file"
