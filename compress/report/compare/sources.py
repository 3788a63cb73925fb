"""The reports that the user names."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from compress.errors import UsageError
from compress.report.model import REPORT, Report, read_report, recorded_report
from compress.runs import RunFolder
from compress.runs.manifest import MANIFEST


def read_sources(paths: Sequence[Path]) -> list[tuple[str, Report]]:
    """Names and reports of run folders, of folders that hold a ``report.json``, or of such files.

    A report is called by its path if two have the same name. UsageError if the same report is named twice,
    BadInputError if there is none, or it is damaged, changed, or of another version.
    """
    files = [path / REPORT if path.is_dir() else path for path in paths]
    for path, times in Counter(Path(os.path.realpath(file)) for file in files).items():
        if times > 1:
            raise UsageError(f"expected different runs, got {path.parent.name}/{path.name} {times} times")
    reports = list(map(read_one, paths))
    names = Counter(report.name for report in reports)
    return [
        (report.name if names[report.name] == 1 else str(path), report)
        for path, report in zip(paths, reports, strict=True)
    ]


def read_one(path: Path) -> Report:
    """One report, as in ``read_sources``."""
    if not path.is_dir():
        return read_report(path)
    if not (path / MANIFEST).exists() and (path / REPORT).exists():
        return read_report(path / REPORT)
    return recorded_report(RunFolder.open(path))
