"""Every document of a report, written into its run folder together, so that they never contradict each other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from compress.atomic import machine_faults, write_atomically
from compress.errors import EnvironmentProblem, UsageError
from compress.report.html import render_html
from compress.report.markdown import render_markdown
from compress.report.model import Report
from compress.report.model_card import render_model_card
from compress.report.run_sections import report_document
from compress.report.store import dump_report
from compress.runs import MODEL_FACTS, RunFolder


def render_documents(report: Report) -> dict[str, str]:
    """File name -> text, for a verdict of any two files."""
    document = report_document(report)
    return {
        "report.json": dump_report(report),
        "report.md": render_markdown(document),
        "report.html": render_html(document),
    }


def render_run_documents(report: Report, model_facts: Mapping[str, Any]) -> dict[str, str]:
    """The same of a run, with the model card.

    Args:
        report: of a run.
        model_facts: its ``artifacts/model.json``.
    """
    return render_documents(report) | {"MODEL_CARD.md": render_model_card(report, dict(model_facts))}


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A new folder for documents, made before anything is measured; gone again where that fails.

    Raises:
        UsageError: there is something of that name already.
        EnvironmentProblem: it cannot be made.
    """
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"--out {path} exists already: choose a new folder") from None
    except OSError as error:
        raise EnvironmentProblem(f"cannot create {path}: {error.strerror}; choose another folder") from error
    try:
        yield path
    except BaseException:
        with suppress(OSError):
            path.rmdir()
        raise


def write_documents(folder: Path, documents: Mapping[str, str]) -> None:
    """Write documents, file name -> text, into a folder.

    Raises:
        EnvironmentProblem: it cannot be written.
    """
    with machine_faults(folder):
        for name, text in documents.items():
            write_atomically(folder / name, text.encode())


def keep_report(run: RunFolder, report: Report) -> None:
    """Write a report's documents into its run, which is open for writing."""
    for name, text in render_run_documents(report, run.read_json(MODEL_FACTS)).items():
        run.write_text(name, text)
