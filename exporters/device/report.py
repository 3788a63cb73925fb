"""``device-report.json``: what was measured on the device, of which files."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from exporters.device.answers import Answers
from exporters.device.kit_files import SCHEMA_VERSION, Kit, KitFile
from exporters.device.machine import Device, State
from exporters.device.timing import PairTiming
from exporters.errors import MachineError


@dataclass(frozen=True)
class FileResult:
    """One file: its answers, and how many nodes of each operator ran on which provider."""

    file: KitFile
    answers: Answers
    nodes: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Measured:
    """Everything that was measured. ``states`` are those before and after the timing."""

    kit: Kit
    device: Device
    provider: str
    session: dict[str, str]
    seconds: float
    states: tuple[State, State]
    files: tuple[FileResult, ...]
    timings: tuple[PairTiming, ...]
    warnings: tuple[str, ...]


def write_report(path: Path, measured: Measured) -> None:
    """Write the report; errors as in ``write_file``."""
    write_file(path, json.dumps(_document(measured), indent=2, allow_nan=False) + "\n")


def write_file(path: Path, text: str) -> None:
    """Write a text, whole or not at all; MachineError where that is impossible."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}; try another --out") from error


def _document(measured: Measured) -> dict[str, object]:
    return {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),  # noqa: UP017
        "kit": measured.kit.name,
        "kit_sha256": measured.kit.sha256,
        "compress_version": measured.kit.compress_version,
        "device": asdict(measured.device),
        "provider": measured.provider,
        "session": measured.session,
        "seconds": measured.seconds,
        "before": asdict(measured.states[0]),
        "after": asdict(measured.states[1]),
        "files": [_file_facts(result) for result in measured.files],
        "timings": [asdict(timing) for timing in measured.timings],
        "warnings": list(measured.warnings),
    }


def _file_facts(result: FileResult) -> dict[str, object]:
    file = result.file
    return {
        "label": file.label,
        "sha256": file.source_sha256,
        "precision": file.precision,
        "answers": asdict(result.answers),
        "nodes": result.nodes,
    }
