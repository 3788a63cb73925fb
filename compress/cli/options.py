"""Flags that commands share, and those of ``compress run``: one for every setting of ``RunConfig``.

A setting that is not given is ``None``, so that a config file's value or the default counts.
"""

import inspect
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from compress.errors import UsageError
from compress.networks.own_code import OwnCode, import_code, resolve_spec
from compress.settings.config import Augment, Method, Preset, RunConfig, build_config

Settings = dict[str, Any]


def flag(kind: Any, panel: str, text: str, *names: str) -> Any:
    """A flag that is ``None`` where it is not given."""
    return Annotated[kind | None, Option(*names, help=text, rich_help_panel=panel)]


_DATA, _TRAINING, _PRUNING, _RUN = "Data", "Training", "Pruning", "Run"

SETTINGS: dict[str, Any] = {
    "arch": flag(str, "Network", "Network; see `compress list archs`.", "--arch", "-a"),
    "model": flag(str, "Network", "Yours instead: path/file.py:build or package.module:build. Its code is run."),
    "weights": flag(Path, "Network", "Yours, trained: safetensors or a state dict. Skips the baseline training."),
    "dataset": flag(str, _DATA, "Name or image folder; see `compress list datasets`. (default: fashion-sample)"),
    "data_dir": flag(Path, _DATA, "Where the named data set's files are."),
    "download": flag(bool, _DATA, "Fetch the named data set if it is not here.", "--download"),
    "skip_bad": flag(int, _DATA, "Unreadable images to tolerate. (default: 0)"),
    "image_size": flag(int, _DATA, "Pixels a side. (default: by data set)"),
    "channels": flag(int, _DATA, "1 grey, 3 RGB. (default: as the images are)"),
    "augment": flag(Augment, _DATA, "How training images are varied. (default: as the preset)"),
    "workers": flag(int, _DATA, "Processes that read image files; 0: none but this. (default: by threads)"),
    "preset": flag(Preset, _PRUNING, "paper: the published algorithm, after 20 epochs of plain training."),
    "method": flag(Method, _PRUNING, "What chooses the channels; see `compress list methods`. (default: edropout)"),
    "plan": flag(Path, _PRUNING, "Of --method scratch: the plan.json whose shape is trained from fresh weights."),
    "keep_macs": flag(float, _PRUNING, "Fraction of multiply-accumulates to keep. (default: 0.5)"),
    "keep_params": flag(float, _PRUNING, "Fraction of parameters to keep; alone, it takes the place of --keep-macs."),
    "align": flag(str, _PRUNING, "Keep multiples of so many channels; auto: by processor. (default: auto)"),
    "population": flag(int, _PRUNING, "States that compete. (default: 8)"),
    "baseline_epochs": flag(int, _TRAINING, "Epochs before the search. (default: 8; paper 20)"),
    "search_epochs": flag(int, _TRAINING, "Epochs of EDropout. (default: 4; paper 80)"),
    "finetune_epochs": flag(int, _TRAINING, "Epochs of the cut network. (default: 10; paper 100)"),
    "distill": flag(
        bool, _TRAINING, "Fine-tune on the original's answers too. (default: yes; paper: no)", "--distill/--no-distill"
    ),
    "train_original": flag(
        bool,
        _TRAINING,
        "Train the original for as long as the pruned network. (default: yes without --weights)",
        "--train-original/--no-train-original",
    ),
    "batch_size": flag(int, _TRAINING, "Images a training step. (default: 64; paper 128)"),
    "seed": flag(int, _RUN, "Of everything random. (default: 0)"),
    "device": flag(str, _RUN, "cpu, cuda, cuda:1. (default: cpu)"),
    "threads": flag(int, _RUN, "Processor threads. (default: all)"),
    "opset": flag(int, _RUN, "ONNX operator set. (default: 18)"),
}

DATA: dict[str, Any] = {
    name: SETTINGS[name]
    for name in ("dataset", "data_dir", "download", "skip_bad", "image_size", "channels", "workers")
}
"""Those that name and read the images; for commands that need nothing else of a run."""

Out = flag(Path, _RUN, "Run folder. (default: a new one in runs/)")
Config = flag(Path, _RUN, "Settings in TOML; flags win.")
Resume = flag(Path, _RUN, "Go on with this run folder.")
Overwrite = Annotated[bool, Option("--overwrite", help="Replace the run that --out holds.", rich_help_panel=_RUN)]
DryRun = Annotated[bool, Option("--dry-run", help="Check everything, show the plan, write nothing.")]
Model = flag(str, "Network of your own", "The code that builds it: path/file.py:build. It is run.")
Json = Annotated[bool, Option("--json", help="One JSON document on stdout, for errors too.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="No progress.")]


def named_code(spec: str | None) -> OwnCode | None:
    """The code that the command line names, imported: nothing else makes code run."""
    if spec is None:
        return None
    with redirect_stdout(sys.stderr):
        return import_code(spec)


def merge_settings(given: Settings, file: Path | None) -> RunConfig:
    """Flags over a file of settings, with absolute paths, so that ``--resume`` works from any folder.

    Raises:
        UsageError: no network, wrong settings, or the file names code that the command line does not.
    """
    if not {"arch", "model"} & given.keys() and file is None:
        raise UsageError(
            "which network? give --arch NAME (see `compress list archs`), --model path/file.py:build or --config FILE"
        )
    spec = given.get("model")
    settings = build_config(given | ({"model": resolve_spec(spec)} if spec else {}), file=file)
    if settings.model is not None and spec is None:
        raise UsageError(
            f"{file} names code, and code is run only where the command names it: add --model "
            + shlex.quote(settings.model)
        )
    absolute: dict[str, Any] = {
        name: path.resolve() for name in ("weights", "data_dir", "plan") if (path := getattr(settings, name))
    }
    folder = Path(settings.dataset)
    if folder.is_dir() and not _is_named(settings.dataset):
        absolute["dataset"] = str(folder.resolve())
    return settings.model_copy(update=absolute).with_code(named_code(spec))


def _is_named(dataset: str) -> bool:
    from compress.data.load import DATASETS

    return dataset in DATASETS


def stdout_kept(code: OwnCode | None) -> AbstractContextManager[Any]:
    """Send what the user's code prints to stderr: stdout is for data."""
    return redirect_stdout(sys.stderr) if code is not None else nullcontext()


def refuse_other_images(given: Settings) -> None:
    """Raise UsageError where flags ask for other images than a run was made with; where they are may differ."""
    from compress.runs.reopen import MOVABLE

    unfit = [name for name in given if name not in MOVABLE]
    if unfit:
        names = ", ".join("--" + name.replace("_", "-") for name in unfit)
        raise UsageError(f"a run keeps to the images it was made with: drop {names}")


def collecting(**groups: Mapping[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command groups of flags; those given arrive as a dict in the parameter of the group's name.

    Args:
        groups: parameter of the command -> (flag's name -> its annotation).
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def parsed(**flags: Any) -> None:
            given = {
                group: {name: value for name in names if (value := flags.pop(name)) is not None}
                for group, names in groups.items()
            }
            command(**given, **flags)

        own = [parameter for name, parameter in inspect.signature(command).parameters.items() if name not in groups]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for names in groups.values()
            for name, annotation in names.items()
        ]
        positional = [parameter for parameter in own if parameter.kind is not inspect.Parameter.KEYWORD_ONLY]
        keyword = [parameter for parameter in own if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
        ordered = [*positional, *added, *keyword]
        parsed.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
        parsed.__annotations__ = {parameter.name: parameter.annotation for parameter in ordered}
        parsed.__doc__ = command.__doc__
        return parsed

    return decorate
