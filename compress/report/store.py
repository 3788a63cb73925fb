"""The report as JSON, written and read strictly."""

import json
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ValidationError

from compress.errors import BadInputError
from compress.report.model import SCHEMA_VERSION, Report


def dump_report(report: BaseModel) -> str:
    """A report as JSON that is read back to an equal value; the same text every time."""
    return report.model_dump_json(indent=2) + "\n"


def document_schema(model: type[BaseModel]) -> str:
    """The JSON schema of a report's JSON."""
    return json.dumps(model.model_json_schema(mode="serialization"), indent=2) + "\n"


def parse_report(text: str, *, source: str) -> Report:
    """Read a report from JSON; ``source`` names the file in the ``BadInputError`` about damage or another schema."""
    try:
        document = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise BadInputError(f"expected a JSON report, {source} is damaged: {error}") from None
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise BadInputError(
            f"expected a report of schema {SCHEMA_VERSION}, {source} has {version!r}; "
            "try `compress verify` on its run, which measures the files anew"
        )
    try:
        return Report.model_validate_json(text, strict=True)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'report'}: {fault['msg']}" for fault in error.errors()]
        raise BadInputError(f"{source} is not a complete report:\n  " + "\n  ".join(faults)) from None


def read_report(path: Path) -> Report:
    """Read ``report.json``; raises ``BadInputError`` where it is missing or not a report of this version."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"cannot read the report {path}: {error}") from None
    return parse_report(text, source=str(path))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")
