"""Flags: those of declared settings, those that commands share, and what commands do with them."""

import inspect
import os
import shlex
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel
from typer import Option

from compress.errors import UsageError
from compress.networks.own_code import OwnCode, import_code, resolve_spec
from compress.settings.config import DataConfig, RunConfig, build_config
from compress.settings.fields import PANELS, settings_of

Given = dict[str, Any]
"""Settings that were given as flags, by name; all others are open."""

RUN: Final = PANELS[-1]


def flag(kind: Any, panel: str | None, text: str, *names: str) -> Any:
    """A flag that is ``None`` where it is not given."""
    return Annotated[kind | None, Option(*names, help=text, rich_help_panel=panel)]


def flags_of(
    model: type[BaseModel], *, only: Collection[str] = (), without: Collection[str] = (), panel: str = ""
) -> dict[str, Any]:
    """The flags of the settings that ``model`` declares, or ``only`` of some: name -> annotation of a parameter.

    ``panel`` is the title above the flags, in place of the declared ones.
    """
    declared = [one for one in settings_of(model).values() if one.panel]
    chosen = [one for one in declared if one.name not in without and one.name in (only or (one.name,))]
    chosen.sort(key=lambda one: PANELS.index(one.panel) if one.panel in PANELS else 0)
    return {one.name: flag(one.kind, panel or one.panel, one.help, *one.flags) for one in chosen}


SETTINGS: Final = flags_of(RunConfig)
DATA: Final = flags_of(DataConfig, without=("augment", "mirror", "seed"))
"""Which images, and how they are read."""

OWN_NETWORK: Final = flags_of(RunConfig, only=("model",), panel="Network of your own")

Config = flag(Path, RUN, "Settings in TOML; flags replace the file's.")
DryRun = Annotated[bool, Option("--dry-run", help="Check everything, show the plan, write nothing.")]
Json = Annotated[bool, Option("--json", help="One JSON document on stdout, for errors too.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="No progress.")]


def with_flags(**groups: Mapping[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command groups of flags, name -> annotation; those given arrive as a dict in the group's parameter."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def parsed(**given: Any) -> None:
            values = {
                group: {name: value for name in flags if (value := given.pop(name)) is not None}
                for group, flags in groups.items()
            }
            command(**values, **given)

        own = [one for name, one in inspect.signature(command).parameters.items() if name not in groups]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for flags in groups.values()
            for name, annotation in flags.items()
        ]
        ordered = [*added, *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own)]
        parsed.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
        parsed.__annotations__ = {one.name: one.annotation for one in ordered}
        parsed.__name__, parsed.__doc__ = command.__name__, command.__doc__
        return parsed

    return decorate


def spelled(names: Collection[str]) -> str:
    """Settings as flags, in a message."""
    return ", ".join("--" + name.replace("_", "-") for name in names)


def named_code(spec: str | None) -> OwnCode | None:
    """The code that the command line names, imported: nothing else makes code run."""
    if spec is None:
        return None
    with redirect_stdout(sys.stderr):
        return import_code(spec)


def merge_settings(given: Given, file: Path | None) -> RunConfig:
    """Flags over a file of settings, with absolute paths, so that ``--resume`` works from any folder.

    A file does not allow downloads: nothing is downloaded unless the command says ``--download``.

    UsageError for no network or wrong settings, or if the file names code that the command line does not.
    """
    if not {"arch", "model"} & given.keys() and file is None:
        raise UsageError(
            "which network? give --arch NAME (see `compress list archs`), --model path/file.py:build or --config FILE"
        )
    spec = given.get("model")
    settings = build_config(given | ({"model": resolve_spec(spec)} if spec else {}), file=file)
    if settings.model is not None and spec is None:
        raise UsageError(
            f"{file} names code, and code is executed only if the command names it: add --model "
            + shlex.quote(settings.model)
        )
    absolute: dict[str, Any] = {"download": given.get("download", False)} | {
        name: Path(os.path.realpath(path))
        for name in ("weights", "data_dir", "plan", "target")
        if (path := getattr(settings, name))
    }
    if settings.weights_name:
        del absolute["weights"]
    folder = Path(settings.dataset)
    if folder.is_dir():
        from compress.data.load import DATASETS

        absolute |= {} if settings.dataset in DATASETS else {"dataset": os.path.realpath(folder)}
    return settings.model_copy(update=absolute).with_code(named_code(spec))


def stdout_kept(code: OwnCode | None) -> AbstractContextManager[Any]:
    """Send what the user's code prints to stderr: stdout is for data."""
    return redirect_stdout(sys.stderr) if code is not None else nullcontext()


def refuse_other_images(given: Given) -> None:
    """Raise UsageError where flags ask for other images than the run's; the same images may be in another place."""
    from compress.runs.recorded_inputs import MOVABLE

    if unfit := [name for name in given if name not in MOVABLE]:
        raise UsageError(f"a run is measured on the images it was made with: drop {spelled(unfit)}")
