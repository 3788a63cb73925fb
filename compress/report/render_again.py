"""A run's documents once more, from its ``report.json`` alone: nothing is measured."""

from pathlib import Path

from compress.errors import BadInputError
from compress.report.documents import keep_report
from compress.report.model import Report
from compress.report.store import parse_report
from compress.runs import MODEL_FACTS, RunFolder
from compress.runs.failure import advice


def render_again(path: Path, *, licence: str | None = None) -> Report:
    """Write ``report.md``, ``report.html`` and ``MODEL_CARD.md`` anew.

    Args:
        path: a run folder with a report.
        licence: what the model card says of it from now on; ``None`` leaves it as it is.

    Raises:
        BadInputError: no run folder, or none with a report of this schema, or a file was changed.
        EnvironmentProblem: the folder cannot be written to, or another process is using it.
    """
    run = RunFolder.open(path)
    if not run.has("report.json"):
        raise BadInputError(f"{path} has no report yet: {advice(run)}")
    report = parse_report(run.read_text("report.json"), source=str(path / "report.json"))
    with run:
        if licence is not None:
            run.write_json(MODEL_FACTS, run.read_json(MODEL_FACTS) | {"license": licence})
        keep_report(run, report)
    return report
