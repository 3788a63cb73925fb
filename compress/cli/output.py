"""Consoles and documents: data on stdout, everything else on stderr."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from pydantic import BaseModel

    from compress.race.plan import RacePlan
    from compress.report.sections import Document
    from compress.run.dry_run import RunPlan

SCHEMA_VERSION = "1.0"
MINIMUM_WIDTH = 80


def data_console() -> Console:
    """The console for results, on stdout."""
    return _console(stderr=False)


def message_console() -> Console:
    """The console for progress and messages, on stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    """A console; a pipe gets at least 80 columns."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and console.width < MINIMUM_WIDTH:
        console.width = MINIMUM_WIDTH
    return console


def is_live(console: Console) -> bool:
    """Whether the console can redraw lines: a capable terminal, and not a CI log."""
    return console.is_terminal and not console.is_dumb_terminal and not os.environ.get("CI")


def say(text: str, *, quiet: bool = False) -> None:
    """A message on stderr, as it is."""
    if not quiet:
        message_console().print(text, markup=False, soft_wrap=True)


def show(report: "BaseModel", document: "Callable[[Any], Document]", *, json: bool) -> None:
    """A report on stdout: as JSON, or as ``document`` makes it."""
    if json:
        from compress.report.model import dump_report

        _write(dump_report(report))
    else:
        from compress.report.terminal import render_terminal

        render_terminal(document(report), data_console())


def show_plan(plan: "RunPlan | RacePlan", *, json: bool) -> None:
    """What ``--dry-run`` has found, on stdout."""
    if json:
        print_json({"plan": plan.as_dict()})
    else:
        _write("\n".join(plan.lines()) + "\n")


@contextmanager
def slow_work_note(*, quiet: bool, seconds: float = 10.0) -> Iterator[None]:
    """Write a note to stderr if the block takes longer than ``seconds``."""
    text = "Still working: tracing, trial cuts and timing take minutes for a large network."
    timer = threading.Timer(seconds, lambda: message_console().print(text, soft_wrap=True))
    timer.daemon = True
    if not quiet:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document with its ``schema_version``; ValueError for NaN or infinity."""
    text = json.dumps({"schema_version": SCHEMA_VERSION} | document, indent=2, allow_nan=False, ensure_ascii=False)
    _write(text + "\n")


def _write(text: str) -> None:
    """Write to stdout at once, so that messages on stderr come after it where both go to one file."""
    sys.stdout.write(text)
    sys.stdout.flush()


def print_error(message: str, *, kind: str, exit_code: int, as_json: bool) -> None:
    """Write an error to stderr, and with ``as_json`` as the document on stdout too."""
    sys.stderr.write(f"{'' if exit_code > 128 else 'Error: '}{message}\n")  # above 128: interrupted
    if as_json:
        print_json({"error": {"kind": kind, "message": message, "exit_code": exit_code}})
