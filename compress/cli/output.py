"""All printing: data on stdout, everything else on stderr. Text passes through ``compress.escaping`` here.

Data that cannot be written is an error; a message that cannot be written is dropped, and the work goes on.
"""

import io
import json
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compress.errors import CompressError, EnvironmentProblem, InterruptedRun
from compress.escaping import in_json, printable, printable_lines

if TYPE_CHECKING:
    from pydantic import BaseModel

    from compress.race.plan import RacePlan
    from compress.report.sections import Document
    from compress.run.dry_run import RunPlan

SCHEMA_VERSION = "1.0"
MINIMUM_WIDTH = 80
_SIGPIPE: Final = 13


class _Messages:
    """A stream that drops what cannot be written: a run does not end because its terminal has gone."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise the error again: rich would exit with code 1."""
        raise  # noqa: PLE0704


def message_console() -> Console:
    """The console for progress and messages, on stderr."""
    return _console(_Messages(sys.stderr))


def _console(stream: Any) -> Console:
    """A console; a pipe gets at least 80 columns."""
    console = _Console(file=stream, highlight=False)
    if not console.is_terminal and console.width < MINIMUM_WIDTH:
        console.width = MINIMUM_WIDTH
    return console


@contextmanager
def _stdout() -> Iterator[Console]:
    """The console for results; InterruptedRun or EnvironmentProblem if what the block prints cannot be written."""
    try:
        yield _console(sys.stdout)
        sys.stdout.flush()  # at once, so that messages come after it where both go to one file
    except OSError as error:
        with suppress(OSError, ValueError):  # what is left in the buffer would fail again as Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise output_closed() from None
        raise EnvironmentProblem(f"cannot write the results to standard output: {error.strerror}") from None


def output_closed() -> InterruptedRun:
    """The reader of a pipe has closed it, as ``head`` does: the exit code of other programs, and no message."""
    return InterruptedRun("", signal_number=_SIGPIPE)


def prepare_streams(*, as_json: bool) -> None:
    """Characters that the terminal's encoding lacks are shown by their numbers; JSON is always UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_json = as_json and stream is sys.stdout
            stream.reconfigure(encoding="utf-8" if is_json else None, errors="backslashreplace")


@contextmanager
def warnings_as_messages() -> Iterator[None]:
    """Show the warnings of libraries as messages: they may contain names."""

    def show(*warning: Any, **_: Any) -> None:
        say(warnings.formatwarning(*warning[:4]).rstrip())

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def is_live(console: Console) -> bool:
    """Whether the console can redraw lines: a capable terminal, and not a CI log."""
    return console.is_terminal and not console.is_dumb_terminal and not os.environ.get("CI")


def say(text: str, *, quiet: bool = False) -> None:
    """A message on stderr."""
    if not quiet:
        message_console().print(Text(printable_lines(text)), soft_wrap=True)


def show_lines(lines: Iterable[str], *, style: str = "", wrapped: bool = False) -> None:
    """Results on stdout, line by line."""
    with _stdout() as console:
        for line in lines:
            console.print(Text(printable(line), style), soft_wrap=not wrapped)


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[str] = (),
    styles: Mapping[str, str] | None = None,
) -> None:
    """Rows on stdout, under ``columns``, then ``numbers``, aligned right; no cell is cut.

    Without titles there is no head. ``styles`` are those of whole cells, by their text.
    """
    table, chosen = Table(box=None, show_header=any(columns)), styles or {}
    for title in (*columns, *numbers):
        table.add_column(title, overflow="fold", justify="right" if title in numbers else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell), chosen.get(cell, "")) for cell in row))
    with _stdout() as console:
        console.print(table)


def show(report: "BaseModel", document: "Callable[[Any], Document]", *, json: bool) -> None:
    """A report on stdout: as JSON, or as ``document`` makes it."""
    if json:
        from compress.report.model import dump_report

        show_verbatim(dump_report(report))
    else:
        from compress.report.terminal import render_terminal

        with _stdout() as console:
            render_terminal(document(report), console)


def show_plan(plan: "RunPlan | RacePlan", *, json: bool) -> None:
    """What ``--dry-run`` has found, on stdout."""
    if json:
        print_json({"plan": plan.as_dict()})
    else:
        show_lines(plan.lines())


@contextmanager
def slow_work_note(*, quiet: bool, seconds: float = 10.0) -> Iterator[None]:
    """Write a note to stderr if the block takes longer than ``seconds``."""
    text = "Still working: tracing, trial cuts and timing take minutes for a large network."
    timer = threading.Timer(seconds, say, [text])
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
    show_verbatim(in_json(text) + "\n")


def show_verbatim(text: str) -> None:
    """Write text without names in it, or JSON, to stdout as it is."""
    with _stdout():
        sys.stdout.write(text)


def print_error(message: str, *, kind: str, exit_code: int, as_json: bool) -> None:
    """Write an error to stderr, and with ``as_json`` as the document on stdout too, if that can be written to."""
    if message:
        say(f"{'' if exit_code > 128 else 'Error: '}{message}")  # above 128: interrupted
    if as_json:
        with suppress(CompressError):
            print_json({"error": {"kind": kind, "message": message, "exit_code": exit_code}})


def print_traceback(error: BaseException) -> None:
    """Write where an error happened to stderr."""
    say("".join(traceback.format_exception(error)).rstrip())
