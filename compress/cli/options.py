"""The flags of ``compress run``: one for every setting of ``RunConfig``, and those of the run itself.

A setting that is not given is ``None``, so that a config file's value or the default counts.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from compress.config import Preset

Settings = dict[str, Any]


def _flag(kind: Any, panel: str, text: str, *names: str) -> Any:
    return Annotated[kind | None, Option(*names, help=text, rich_help_panel=panel)]


_DATA, _TRAINING, _PRUNING, _RUN = "Data", "Training", "Pruning", "Run"

SETTINGS: dict[str, Any] = {
    "arch": _flag(str, "Network", "Network; see `compress list archs`.", "--arch", "-a"),
    "weights": _flag(Path, "Network", "Yours, trained: safetensors or a state dict. Skips the baseline training."),
    "dataset": _flag(str, _DATA, "Name or image folder; see `compress list datasets`. (default: fashion-sample)"),
    "data_dir": _flag(Path, _DATA, "Where the named data set's files are."),
    "download": _flag(bool, _DATA, "Fetch the named data set if it is not here.", "--download"),
    "skip_bad": _flag(int, _DATA, "Unreadable images to tolerate. (default: 0)"),
    "image_size": _flag(int, _DATA, "Pixels a side. (default: by data set)"),
    "workers": _flag(int, _DATA, "Processes that read an image folder. (default: 0)"),
    "preset": _flag(Preset, _PRUNING, "paper: the published algorithm, after 20 epochs of plain training."),
    "keep_macs": _flag(float, _PRUNING, "Fraction of multiply-accumulates to keep. (default: 0.5)"),
    "keep_params": _flag(float, _PRUNING, "Fraction of parameters to keep; alone, it takes the place of --keep-macs."),
    "align": _flag(str, _PRUNING, "Keep multiples of so many channels; auto: by processor. (default: auto)"),
    "population": _flag(int, _PRUNING, "States that compete. (default: 8)"),
    "evolution": _flag(bool, _PRUNING, "Without it: the ablation, saliency alone.", "--evolution/--no-evolution"),
    "baseline_epochs": _flag(int, _TRAINING, "Epochs before the search. (default: 8; paper 20)"),
    "search_epochs": _flag(int, _TRAINING, "Epochs of EDropout. (default: 4; paper 80)"),
    "finetune_epochs": _flag(int, _TRAINING, "Epochs of the cut network. (default: 10; paper 100)"),
    "distill": _flag(
        bool, _TRAINING, "Fine-tune on the original's answers too. (default: yes; paper: no)", "--distill/--no-distill"
    ),
    "train_original": _flag(
        bool,
        _TRAINING,
        "Train the original for as long as the pruned network. (default: yes without --weights)",
        "--train-original/--no-train-original",
    ),
    "batch_size": _flag(int, _TRAINING, "Images a training step. (default: 64; paper 128)"),
    "seed": _flag(int, _RUN, "Of everything random. (default: 0)"),
    "device": _flag(str, _RUN, "cpu, cuda, cuda:1. (default: cpu)"),
    "threads": _flag(int, _RUN, "Processor threads. (default: all)"),
    "opset": _flag(int, _RUN, "ONNX operator set. (default: 18)"),
}

Out = _flag(Path, _RUN, "Run folder. (default: a new one in runs/)")
Config = _flag(Path, _RUN, "Settings in TOML; flags win.")
Resume = _flag(Path, _RUN, "Go on with this run folder.")
Overwrite = Annotated[bool, Option("--overwrite", help="Replace the run that --out holds.", rich_help_panel=_RUN)]
DryRun = Annotated[bool, Option("--dry-run", help="Check everything, show the plan, write nothing.")]
Json = Annotated[bool, Option("--json", help="One JSON document on stdout, for errors too.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="No progress.")]


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for every setting; those given arrive in its parameter ``settings``."""

    def parsed(**flags: Any) -> None:
        given = {name: value for name in SETTINGS if (value := flags.pop(name)) is not None}
        command(given, **flags)

    own = [parameter for name, parameter in inspect.signature(command).parameters.items() if name != "settings"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in SETTINGS.items()
    ]
    parsed.__signature__ = inspect.Signature([*added, *own])  # type: ignore[attr-defined]
    parsed.__annotations__ = {parameter.name: parameter.annotation for parameter in (*added, *own)}
    parsed.__doc__ = command.__doc__
    return parsed
