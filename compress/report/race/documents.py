"""Every document of a race."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from compress.errors import BadInputError
from compress.report.race.model import RaceReport
from compress.report.race.page import render_race_html
from compress.report.race.text import render_race_markdown

JSON: Final = "race.json"


def render_race_documents(report: RaceReport) -> dict[str, str]:
    """File name -> text."""
    return {
        JSON: report.model_dump_json(indent=2) + "\n",
        "race.md": render_race_markdown(report),
        "race.html": render_race_html(report),
    }


def read_race(folder: Path) -> RaceReport | None:
    """What was kept of a race; ``None`` where nothing was.

    Raises:
        BadInputError: its document is damaged, or of another version.
    """
    path = folder / JSON
    try:
        return RaceReport.model_validate_json(path.read_text(encoding="utf-8"), strict=True)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise BadInputError(
            f"{path} is no report of a race that this version can read: {error}; delete it, "
            "and the same race is read from its cells again"
        ) from None
