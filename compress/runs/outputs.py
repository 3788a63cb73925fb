"""Where a command may write: not where its inputs lie, not among the images, not over a file of a run."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from compress.data.layout import would_hold_images
from compress.data.load import DATASETS
from compress.errors import BadInputError, UsageError
from compress.networks.own_code import resolve_spec
from compress.runs.checked_folder import LOCK
from compress.runs.event_log import EVENTS
from compress.runs.manifest import MANIFEST, Manifest
from compress.settings.config import DataConfig, RunConfig


def check_run_place(out: Path, config: RunConfig, *, also: Mapping[str, Path | None] | None = None) -> None:
    """Raise UsageError if a new run in ``out`` would delete an input of its own, or lie among its images.

    ``also`` are inputs that the settings no longer name, by their flags.
    """
    check_outside_images(out, config)
    code = resolve_spec(config.model or "").rpartition(":")[0]
    named = {
        "weights": None if config.weights_name else config.weights,
        "plan": config.plan,
        "target": config.target,
        "data_dir": config.data_dir,
        "dataset": _image_folder(config),
        "model": Path(code) if code.endswith(".py") else None,
    }
    for name, path in {**named, **(also or {})}.items():
        if path is not None and os.path.lexists(path) and _is_inside(path, out):
            raise UsageError(
                f"{path} (--{name.replace('_', '-')}) lies in {out}, which the new run would replace: "
                "choose another folder for --out, or copy the input elsewhere first"
            )


def check_outside_images(folder: Path, config: DataConfig) -> None:
    """Raise UsageError if a folder that is about to be made lies among the images, where it would count as a class."""
    images = _image_folder(config)
    if images is None or not images.is_dir() or not _is_inside(folder, images):
        return
    if would_hold_images(Path(os.path.realpath(folder)), Path(os.path.realpath(images))):
        raise UsageError(
            f"{folder} would lie among the images, in {images}, and its files would count as images of a class: "
            "choose a folder elsewhere, such as --out runs/NAME"
        )


def check_replaceable(path: Path, *, inputs: Iterable[Path] = ()) -> None:
    """Raise UsageError if a file that is about to be replaced is one of a run's, or an input of the same command."""
    place = Path(os.path.realpath(path.parent), path.name)  # a link is replaced, not the file it leads to
    if any(place in (Path(os.path.realpath(one)), Path(os.path.realpath(one.parent), one.name)) for one in inputs):
        raise UsageError(f"{path} is an input of this command and would be replaced: choose another file")
    for folder in place.parents if os.path.lexists(place) else ():
        if os.path.lexists(folder / MANIFEST):
            names = {MANIFEST, LOCK, EVENTS}
            with suppress(BadInputError):  # another program's manifest
                names.update(Manifest.read(folder).names)
            if place.relative_to(folder).as_posix() in names:
                raise UsageError(f"{path} is a file of the run {folder} and would be replaced: choose another file")


def _image_folder(config: DataConfig) -> Path | None:
    return None if config.dataset in DATASETS else Path(config.dataset).expanduser()


def _is_inside(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
