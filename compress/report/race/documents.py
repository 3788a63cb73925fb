"""The files of a race's report."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from compress.errors import BadInputError
from compress.report.html import render_html
from compress.report.markdown import render_markdown
from compress.report.race.document import race_document
from compress.report.race.model import RaceReport

JSON: Final = "race.json"


def render_race_documents(report: RaceReport) -> dict[str, str]:
    """File name -> text."""
    document = race_document(report)
    return {
        JSON: report.model_dump_json(indent=2) + "\n",
        "race.md": render_markdown(document),
        "race.html": render_html(document),
    }


def read_race(folder: Path) -> RaceReport | None:
    """The report of an earlier call; ``None`` if there is none.

    Raises:
        BadInputError: its file is damaged, or of another version.
    """
    path = folder / JSON
    try:
        return RaceReport.model_validate_json(path.read_text(encoding="utf-8"), strict=True)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise BadInputError(
            f"{path} is not a race report that this version can read: {error}; delete it, "
            "and the same race is read from its cells again"
        ) from None
