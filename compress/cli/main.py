"""The command ``compress``: parses, calls, and turns every error into a message and an exit code."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from compress.cli import listing
from compress.cli.compare import compare
from compress.cli.doctor import doctor
from compress.cli.explain import as_ours, explain, explained_stop
from compress.cli.export import export
from compress.cli.kit import kit
from compress.cli.output import prepare_streams, print_error, show_verbatim, warnings_as_messages
from compress.cli.race import race
from compress.cli.report import report
from compress.cli.run import run
from compress.cli.verify import verify
from compress.errors import EnvironmentProblem
from compress.version import __version__


class _Commands(TyperGroup):
    """The commands, whose Ctrl-C and ``sys.exit`` become errors that ``main`` explains.

    Typer would turn Ctrl-C into an exit code without a message, and a ``sys.exit`` in a user's network would choose
    the exit code.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the named command."""
        try:
            _check_working_folder()
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise explained_stop(stop) from None
        except SystemExit as error:  # commands raise typer.Exit
            if as_ours(error):
                raise
            raise RuntimeError(f"something called sys.exit({error.code!r})") from error


def _check_working_folder() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:  # libraries that torch loads would end the process
        raise EnvironmentProblem("the working folder has been deleted: change to another one") from None


app = typer.Typer(
    name="compress",
    cls=_Commands,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for _command in (run, export, verify, compare, race, report, kit, doctor):
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
        from compress.environment import installed_version

        runtimes = [f"{name} {installed_version(name)}" for name in ("torch", "onnxruntime")]
        show_verbatim(", ".join([f"compress {__version__}", *runtimes]) + "\n")
    elif context.invoked_subcommand is None:
        show_verbatim(context.get_help() + "\n")


def main() -> None:
    """Run the command line and exit with its code."""
    # OpenMP's threads spin while they wait for each other: with one other busy program on two cores a training
    # step took 2,500 ms, with short spinning 175 ms (idle, both take 42 ms). Read when torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "8000")
    as_json = "--json" in sys.argv[1:]
    prepare_streams(as_json=as_json)
    try:
        with warnings_as_messages():
            code = app(standalone_mode=False)
    except BaseException as error:
        kind, message, code = explain(error)
        print_error(message, kind=kind, exit_code=code, as_json=as_json)
    sys.exit(code if isinstance(code, int) else 0)
