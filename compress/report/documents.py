"""Every document of a report, written into its run folder together, so that they never contradict each other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress.report.html import render_html
from compress.report.markdown import render_markdown
from compress.report.model import Report
from compress.report.model_card import render_model_card
from compress.report.store import dump_report
from compress.runs import MODEL_FACTS, RunFolder
from compress.runs.atomic import machine_faults, write_atomically


def render_documents(report: Report) -> dict[str, str]:
    """File name -> text, for a verdict of any two files."""
    return {
        "report.json": dump_report(report),
        "report.md": render_markdown(report),
        "report.html": render_html(report),
    }


def render_run_documents(report: Report, model_facts: Mapping[str, Any]) -> dict[str, str]:
    """The same of a run, with the model card.

    Args:
        report: of a run.
        model_facts: its ``artifacts/model.json``.
    """
    return render_documents(report) | {"MODEL_CARD.md": render_model_card(report, dict(model_facts))}


def write_documents(folder: Path, report: Report) -> None:
    """Write a report of any two files into a new folder.

    Raises:
        EnvironmentProblem: it cannot be written.
    """
    with machine_faults(folder):
        folder.mkdir(parents=True)
    for name, text in render_documents(report).items():
        write_atomically(folder / name, text.encode())


def keep_report(run: RunFolder, report: Report) -> None:
    """Write a report's documents into its run, which is open for writing."""
    for name, text in render_run_documents(report, run.read_json(MODEL_FACTS)).items():
        run.write_text(name, text)
