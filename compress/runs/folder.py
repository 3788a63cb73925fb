"""``RunFolder``: the settings, stage values, checkpoints and events of one run."""

import json
import os
import re
import secrets
import shlex
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from compress.atomic import check_creatable, creating, machine_faults
from compress.errors import BadInputError, CompressError, UsageError
from compress.runs import tensor_files
from compress.runs.checked_folder import LOCK, CheckedFolder
from compress.runs.event_log import EVENTS, read_event
from compress.runs.json_files import Finished, json_bytes, json_value
from compress.runs.manifest import Manifest
from compress.runs.own_files import own_path
from compress.settings.config import RunConfig, build_config, to_toml
from compress.settings.toml_files import parse_toml

STAGES = ("01_baseline", "02_original", "03_search", "04_remove", "05_finetune", "06_export", "07_verify")

MODEL_FACTS = "artifacts/model.json"
"""Classes, preprocessing, names of the files: what a deployer needs, and what rebuilds the networks."""

CONFIG = "config.toml"

FAILED = "failed"
"""The kind of the event that ends a run which would fail in the same way if it went on."""

_FINISHED = "finished.json"
_THREE_SCHEDULES = frozenset({"baseline_epochs", "search_epochs", "finetune_epochs"})  # settings of earlier versions


def default_run_path(config: RunConfig) -> Path:
    """``runs/<YYYYmmdd-HHMMSS>-<arch>-<dataset>-<4 hex>``, relative to the working folder."""
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{label(config)}-{secrets.token_hex(2)}"


def label(config: RunConfig) -> str:
    """``<arch>-<dataset>``, fit for a folder's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{config.arch}-{Path(config.dataset).name or 'data'}")[:80]


class RunFolder(CheckedFolder):
    """One run on disk. Read it freely; write only inside ``with run:``.

    ``events.jsonl`` grows all the time and is the one file without a checksum.
    """

    @classmethod
    def create(cls, path: Path, config: RunConfig, *, overwrite: bool) -> "RunFolder":
        """Make a run folder with its ``config.toml``; with ``overwrite`` the files that an old run wrote are deleted.

        UsageError if the folder exists otherwise, EnvironmentProblem if it cannot be written to, or is in use.
        """
        with creating(path):
            path.mkdir(parents=True, exist_ok=True)
        run = cls(path)
        run._check_replaceable(overwrite=overwrite)
        run._acquire()
        try:
            run._check_replaceable(overwrite=overwrite)  # as it is now that nobody else writes
            run._clear(also=EVENTS)
            run.write_text(CONFIG, to_toml(config))
        finally:
            run._lock.release()
        return run

    @classmethod
    def check_free(cls, path: Path, *, overwrite: bool) -> None:
        """Raise the errors of ``create`` that can be found without writing."""
        check_creatable(path)
        if path.exists():
            cls(path)._check_replaceable(overwrite=overwrite)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open an existing run; BadInputError if the folder is missing, not a run folder, or without settings."""
        if not path.is_dir():
            raise BadInputError(f"{path} is not a run folder: there is no such folder")
        run = cls(path)
        run._read_manifest()
        if not run.has(CONFIG):
            raise BadInputError(f"{path} has no recorded {CONFIG}: start it again with --overwrite")
        return run

    def write_text(self, rel: str, text: str) -> None:
        """``write_bytes`` of UTF-8 text."""
        self.write_bytes(rel, text.encode())

    def read_text(self, rel: str) -> str:
        """``read_bytes`` as UTF-8 text."""
        try:
            return self.read_bytes(rel).decode()
        except UnicodeDecodeError:
            raise BadInputError(f"{self.path / rel} is not what a run writes: it is not text") from None

    def write_json(self, rel: str, value: object) -> None:
        """Write JSON; ValueError for NaN or infinity."""
        self.write_bytes(rel, json_bytes(value))

    def read_json(self, rel: str, like: Any = Any) -> Any:
        """Read JSON; BadInputError unless its value has the type or the shape ``like``."""
        return json_value(self.read_bytes(rel), like, source=self.path / rel)

    def read_config(self) -> RunConfig:
        """The run's settings; BadInputError if an earlier version left the run unfinished.

        ``download`` is off: what one command was allowed, a later one is not, and the folder may be a stranger's.
        """
        values = self._recorded()
        if values.keys() & _THREE_SCHEDULES and not self.is_finished(STAGES[-1]):
            raise BadInputError(
                f"{self.path} was begun by an earlier version of compress, which trained in three schedules: "
                "finish it with that version (see env.json), or begin anew with --overwrite"
            )
        return _build(values | {"download": False})

    def save_tensors(self, rel: str, values: Mapping[str, Tensor]) -> None:
        """Write tensors as safetensors; shapes, dtypes and bits are kept, memory formats are not."""
        self.write_bytes(rel, tensor_files.weights_to_bytes(values))

    def load_tensors(self, rel: str) -> dict[str, Tensor]:
        """Read tensors, on the CPU."""
        return tensor_files.weights_from_bytes(self.read_bytes(rel), name=rel)

    def save_state(self, rel: str, state: dict[str, Any]) -> None:
        """Write plain values; TypeError as in ``save_checkpoint``."""
        self.write_bytes(rel, tensor_files.state_to_bytes(state))

    def load_state(self, rel: str) -> dict[str, Any]:
        """Read plain values, tensors on the CPU."""
        return tensor_files.state_from_bytes(self.read_bytes(rel), name=rel)

    def save_checkpoint(self, stage: str, state: dict[str, Any]) -> None:
        """Replace the stage's resume state; at every moment the old or the new one is there, whole.

        TypeError if it holds anything but tensors, numbers, strings and ``None`` in dicts, lists and tuples.
        """
        old = self._checkpoints(stage)
        name = tensor_files.next_checkpoint(stage, old)
        while os.path.lexists(self.path / name):  # somebody else's
            name = tensor_files.next_checkpoint(stage, [name])
        self.change({name: tensor_files.state_to_bytes(state)}, without=old)

    def load_checkpoint(self, stage: str) -> dict[str, Any] | None:
        """The stage's resume state, on the CPU; ``None`` where there is none."""
        names = self._checkpoints(stage)
        return tensor_files.state_from_bytes(self.read_bytes(names[-1]), name=names[-1]) if names else None

    def finish(self, stage: str, seconds: float) -> None:
        """Mark a stage as done and delete its resume state; all its values are written already."""
        self.change({f"{stage}/{_FINISHED}": json_bytes({"seconds": seconds})}, without=self._checkpoints(stage))
        self.event("stage finished", stage=stage, seconds=seconds)

    def is_finished(self, stage: str) -> bool:
        """Whether the stage is done."""
        return self.has(f"{stage}/{_FINISHED}")

    def seconds(self, stage: str) -> float:
        """How long a finished stage took, in seconds."""
        return float(self.read_json(f"{stage}/{_FINISHED}", Finished)["seconds"])

    def copy_stages(self, other: "RunFolder", stages: Iterable[str]) -> tuple[str, ...]:
        """Copy the stages that another run has finished and this one has not, checked; return their names."""
        copied = tuple(stage for stage in stages if other.is_finished(stage) and not self.is_finished(stage))
        for stage in copied:
            names = [name for name in other._manifest.names if name.startswith(f"{stage}/")]
            files = {name: other.read_bytes(name) for name in names if not tensor_files.is_checkpoint(name)}
            self.change(files, without=self._checkpoints(stage))
            self.event("stage taken", stage=stage, run=other.path.resolve().name)
        return copied

    def event(self, kind: str, **values: Any) -> None:
        """Append a line to ``events.jsonl``; ValueError for NaN or infinity."""
        self._require_lock()
        line = json.dumps({"time": datetime.now(UTC).isoformat(), "kind": kind} | values, allow_nan=False)
        path = own_path(self.path, EVENTS)
        with machine_faults(path), path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def failure(self) -> str:
        """Why the run failed for good, if its last event says so; otherwise empty."""
        event = read_event(self.path, last=True)
        return str(event.get("reason", "")) if event.get("kind") == FAILED else ""

    def started(self) -> str | None:
        """The time of the first event, if there is one."""
        time = read_event(self.path, last=False).get("time")
        return time if isinstance(time, str) else None

    def advice(self) -> str:
        """How a run without a report gets one, or why it gets none."""
        reason = self.failure()
        return f"it failed, {reason}" if reason else f"go on with compress run --resume {shlex.quote(str(self.path))}"

    def _recorded(self) -> dict[str, Any]:
        try:
            return parse_toml(self.read_text(CONFIG))
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"{self.path / CONFIG} is not what a run writes: {error}") from None

    def _checkpoints(self, stage: str) -> list[str]:
        """Oldest first."""
        return sorted(n for n in self._manifest.names if n.startswith(f"{stage}/") and tensor_files.is_checkpoint(n))

    def _check_replaceable(self, *, overwrite: bool) -> None:
        """UsageError if a new run cannot be made here: there is a run already, or files of others."""
        with creating(self.path):
            first = Manifest().temporary(self.path).name  # where the creation of a run was cut short
            content = any(entry.name not in (LOCK, first) for entry in self.path.iterdir())
        is_run = self._is_run()
        if is_run and not overwrite:
            name = shlex.quote(str(self.path))
            raise UsageError(f"{name} holds a run already: go on with --resume {name}, or replace it with --overwrite")
        if content and not is_run:
            raise UsageError(f"{self.path} is not empty and is not a run folder: choose another folder")

    def _is_run(self) -> bool:
        """Whether the folder is a run, or one whose creation was cut short: its manifest is empty."""
        try:
            self._manifest = Manifest.read(self.path)
            if self._manifest.names:
                _build(self._recorded())
        except CompressError:
            return False
        return True


def _build(values: Mapping[str, Any]) -> RunConfig:
    return build_config({name: value for name, value in values.items() if name not in _THREE_SCHEDULES})
