"""Every document of a report, written into its run folder together, so that they never contradict each other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from compress.atomic import machine_faults, write_atomically
from compress.errors import BadInputError, EnvironmentProblem, UsageError
from compress.report.html import render_html
from compress.report.markdown import render_markdown
from compress.report.model import Report, dump_report, parse_report
from compress.report.model_card import render_model_card
from compress.report.run_sections import report_document
from compress.runs import MODEL_FACTS, RunFolder


def render_documents(report: Report, model_facts: Mapping[str, Any] | None = None) -> dict[str, str]:
    """File name -> text; with the run's ``artifacts/model.json`` also the model card."""
    document = report_document(report)
    card = {} if model_facts is None else {"MODEL_CARD.md": render_model_card(report, model_facts)}
    return {
        "report.json": dump_report(report),
        "report.md": render_markdown(document),
        "report.html": render_html(document),
    } | card


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A new folder for documents, made before anything is measured; removed again where that fails.

    Raises ``UsageError`` where the name is taken, ``EnvironmentProblem`` where the folder cannot be made.
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
    """Write documents, file name -> text, into a folder; raises ``EnvironmentProblem`` where that is impossible."""
    with machine_faults(folder):
        for name, text in documents.items():
            write_atomically(folder / name, text.encode())


def keep_report(run: RunFolder, report: Report) -> None:
    """Write a report's documents into its run, which is open for writing."""
    for name, text in render_documents(report, run.read_json(MODEL_FACTS)).items():
        run.write_text(name, text)


def render_again(path: Path, *, licence: str | None = None) -> Report:
    """Write a run's documents again from its ``report.json`` alone; the model card names ``licence`` from now on.

    Raises ``BadInputError`` for a folder without a report of this schema or with a changed file, and
    ``EnvironmentProblem`` where it cannot be written to, or another process is using it.
    """
    run = RunFolder.open(path)
    if not run.has("report.json"):
        raise BadInputError(f"{path} has no report yet: {run.advice()}")
    report = parse_report(run.read_text("report.json"), source=str(path / "report.json"))
    with run:
        if licence is not None:
            run.write_json(MODEL_FACTS, run.read_json(MODEL_FACTS) | {"license": licence})
        keep_report(run, report)
    return report
