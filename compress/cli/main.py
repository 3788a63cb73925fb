"""The command ``compress``: parses, calls, and turns every error into a message and an exit code."""

import os
import signal
import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from compress.cli import listing
from compress.cli.compare import compare
from compress.cli.doctor import doctor
from compress.cli.export import export
from compress.cli.interrupts import StoppedAtOnce
from compress.cli.output import print_error, print_traceback, show_own
from compress.cli.race import race
from compress.cli.report import report
from compress.cli.run import run
from compress.cli.verify import verify
from compress.errors import CompressError, EnvironmentProblem, InterruptedRun
from compress.settings.messages import expectation
from compress.version import __version__


class _Commands(TyperGroup):
    """The commands. Ctrl-C and ``sys.exit`` become errors, so that ``main`` explains them.

    Typer would turn Ctrl-C into an exit code without a message, and a ``sys.exit`` in a user's network would choose
    the exit code.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the named command."""
        try:
            return super().invoke(ctx)
        except StoppedAtOnce as stop:
            message = "stopped at once; everything saved before is kept"
            raise InterruptedRun(message, signal_number=stop.signal_number) from None
        except KeyboardInterrupt:  # `run` and `race` catch it from their first step on
            nothing_yet = ctx.invoked_subcommand in ("run", "race")
            message = "stopped before anything was written" if nothing_yet else "stopped"
            raise InterruptedRun(message, signal_number=signal.SIGINT) from None
        except SystemExit as error:  # commands raise typer.Exit
            if isinstance(error.__context__, BrokenPipeError):  # from rich: the reader of the pipe has closed it
                raise typer.Exit(1) from None
            raise RuntimeError(f"something called sys.exit({error.code!r})") from error


app = typer.Typer(
    name="compress",
    cls=_Commands,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for _command in (run, export, verify, compare, race, report, doctor):
    app.command()(_command)
app.add_typer(listing.app, name="list")


@app.callback(invoke_without_command=True)
def compress(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show versions, also of torch and onnxruntime.")] = False,
) -> None:
    """Prune an image classifier with EDropout, cut it down, export ONNX, and measure what was gained and lost.

    Example: compress run --arch squeezenet
    """
    if version:
        from importlib import metadata

        runtimes = [f"{name} {metadata.version(name)}" for name in ("torch", "onnxruntime")]
        show_own(", ".join([f"compress {__version__}", *runtimes]) + "\n")
    elif context.invoked_subcommand is None:
        show_own(context.get_help() + "\n")


def main() -> None:
    """Run the command line and exit with its code."""
    # OpenMP's threads spin while they wait for each other: with one other busy program on two cores a training
    # step took 2,500 ms, with short spinning 175 ms (idle, both take 42 ms). Read when torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "8000")
    as_json = "--json" in sys.argv[1:]
    try:
        code = app(standalone_mode=False)
    except BaseException as error:
        kind, message, code = _explain(error)
        print_error(message, kind=kind, exit_code=code, as_json=as_json)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: BaseException) -> tuple[str, str, int]:
    """Kind, message and exit code of an error."""
    if isinstance(error, OSError):
        from compress.atomic import as_known_fault

        error = as_known_fault(error) or error
    if isinstance(error, MemoryError):
        error = EnvironmentProblem("not enough memory: try a smaller --batch-size, --population or --image-size")
    if isinstance(error, CompressError):
        return type(error).__name__, str(error), error.exit_code
    if isinstance(error, typer.TyperException):
        if isinstance(error.__cause__, ValidationError):  # a flag's value
            error.message = expectation(error.__cause__.errors()[0])
        return "UsageError", f"{error.format_message()} ({_hint(error.format_message())})", error.exit_code
    print_traceback(error)
    message = f"this is a bug in compress, please report it with the lines above: {type(error).__name__}: {error}"
    return "Bug", message, 1


def _hint(message: str) -> str:
    is_bare_name = "unexpected extra argument" in message and sys.argv[1:2] == ["run"]
    return "a network is given as --arch NAME" if is_bare_name else "see --help"
