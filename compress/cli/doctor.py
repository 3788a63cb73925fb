"""``compress doctor``: whether this machine is ready for a run."""

from dataclasses import asdict
from pathlib import Path

import typer

from compress.cli import options, output

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor(json: options.Json = False) -> None:
    """Check versions, processor, memory, disk and GPU; exit 5 if a run cannot work.

    Example: compress doctor
    """
    from compress.doctor import examine

    checks = examine(Path.cwd())
    ready = not any(check.status == "problem" for check in checks)
    if json:
        output.print_json({"ready": ready, "checks": [asdict(check) for check in checks]})
    else:
        rows = [(one.status, one.name, ". ".join(filter(None, (one.found, one.advice)))) for one in checks]
        output.show_table(("", "", ""), rows, styles=_COLOURS)
    if not ready:
        raise typer.Exit(5)
