"""Every error as a message and an exit code; code 1 is for bugs alone."""

import signal
import sys
from typing import Final

import typer
from pydantic import ValidationError

from compress.cli.interrupts import StoppedAtOnce
from compress.cli.output import output_closed, print_traceback
from compress.errors import BadInputError, CompressError, EnvironmentProblem, InterruptedRun
from compress.settings.messages import expectation

_OURS: Final = ("compress", "exporters", "models_zoo")
_LESS_MEMORY: Final = "close other programs, or try a smaller --batch-size, --population or --image-size"
_FEWER_THREADS: Final = "the system allows no more threads or processes: try fewer --threads and --workers"


def explain(error: BaseException) -> tuple[str, str, int]:
    """Kind, message and exit code of an error; where it is a bug, the place is printed too."""
    known = as_ours(error)
    if known is not None:
        return type(known).__name__, str(known), known.exit_code
    if isinstance(error, typer.TyperException):
        if isinstance(error.__cause__, ValidationError):  # a flag's value
            error.message = expectation(error.__cause__.errors()[0])
        return "UsageError", f"{error.format_message()} ({_hint(error.format_message())})", error.exit_code
    print_traceback(error)
    message = f"this is a bug in compress, please report it with the lines above: {type(error).__name__}: {error}"
    return "Bug", message, 1


def as_ours(error: BaseException) -> CompressError | None:
    """What the machine, the user or the input did, as one of the library's errors; ``None`` for anything else."""
    if isinstance(error, CompressError):
        # A network's own code that runs out of memory is not at fault; a file that asks for too much is.
        cause = None if isinstance(error, BadInputError) else _lack_of_memory(error)
        return cause or error
    if isinstance(error, KeyboardInterrupt):
        return explained_stop(error)
    if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):
        return output_closed()  # rich and typer exit so
    return _of_machine(error)


def _of_machine(error: BaseException) -> CompressError | None:
    """What the operating system, Python or a library could not do."""
    if (lack := _lack_of_memory(error)) is not None:
        return lack
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] not in _OURS:
        return EnvironmentProblem(f"a library cannot be imported: {error}; install compress again in a new environment")
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return EnvironmentProblem(_FEWER_THREADS)
    if isinstance(error, RecursionError):
        return BadInputError("a file or a network is nested too deeply to be read: try one with fewer levels")
    return None


def _lack_of_memory(error: BaseException | None) -> EnvironmentProblem | None:
    """Lack of memory as the error, or as what it comes from."""
    from exporters.errors import is_out_of_memory

    while error is not None:
        if isinstance(error, MemoryError):
            return EnvironmentProblem(f"not enough memory: {_LESS_MEMORY}")
        lines = () if isinstance(error, CompressError) else str(error).splitlines()
        if found := [line.strip() for line in lines if is_out_of_memory(line)]:
            return EnvironmentProblem(f"not enough memory ({found[0][:200]}): {_LESS_MEMORY}")
        error = error.__cause__
    return None


def _of_system(error: OSError) -> CompressError:
    """What the operating system refused."""
    from compress.atomic import as_known_fault

    return as_known_fault(error) or EnvironmentProblem(
        f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}; try another file or folder"
    )


def explained_stop(error: KeyboardInterrupt) -> InterruptedRun:
    """Ctrl-C that no run has caught."""
    if isinstance(error, StoppedAtOnce):
        return InterruptedRun("stopped at once; everything saved before is kept", signal_number=error.signal_number)
    nothing_yet = sys.argv[1:2] in (["run"], ["race"])  # they catch it from their first step on
    message = "stopped before anything was written" if nothing_yet else "stopped"
    return InterruptedRun(message, signal_number=signal.SIGINT)


def _hint(message: str) -> str:
    is_bare_name = "unexpected extra argument" in message and sys.argv[1:2] == ["run"]
    return "a network is given as --arch NAME" if is_bare_name else "see --help"
