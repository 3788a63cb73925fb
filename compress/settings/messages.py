"""Messages about wrong settings: pydantic's faults, with the names that the user gave the settings."""

import difflib
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from compress.lists import listed_lines
from compress.settings.fields import settings_of
from compress.settings.search import SearchSettings

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

_EXPECTED: Final = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
    "finite_number": "a finite number",
    "string": "text",
    "path": "a path",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
}
"""Kind of a fault, or the first word of its kind -> what was expected."""

_TABLES: Final = {"search": SearchSettings}
"""Settings that have settings of their own."""


def describe(
    error: "ValidationError", model: "type[BaseModel]", *, file: Path | None = None, in_file: Collection[str] = ()
) -> str:
    """Everything that is wrong with a set of settings; see ``config.build``."""
    known = settings_of(model)

    def spelled(name: str) -> str:
        if name in in_file:
            return name
        return known[name].flag if name in known else "--" + name.replace("_", "-")

    def line(fault: "ErrorDetails", name: str) -> str:
        if not name:  # about several settings, which the message names in backticks
            return re.sub(r"`(\w+)`", lambda found: spelled(found[1]), expectation(fault))
        if len(fault["loc"]) > 1 and name in _TABLES:
            among = _TABLES[name].model_fields
            return f"{spelled(name)}: {fault['loc'][1]}: {expectation(fault, among=among)}"
        if fault["type"] == "extra_forbidden":
            return f"{spelled(name)}: {expectation(fault, among=known)}"
        if known[name].expected:
            got = "none" if fault["type"] == "missing" else repr(fault["input"])
            return f"{spelled(name)}: expected {known[name].expected}, got {got}"
        return f"{spelled(name)}: {expectation(fault)}"

    lines = {}
    for fault in error.errors():
        name = str(fault["loc"][0]) if fault["loc"] else ""
        place = fault["loc"][: 2 if name in _TABLES else 1]
        lines[place] = line(fault, name) + (f" (in {file})" if file and name in in_file else "")
    return "wrong settings:" + listed_lines(lines.values())


def expectation(fault: "ErrorDetails", *, among: Iterable[str] = ()) -> str:
    """``expected a whole number, got 'x'``; a name that is no setting is compared with those ``among`` which it is."""
    kind = fault["type"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(fault["loc"][-1]), among, n=1)
        return "no such setting" + (f"; did you mean {near[0]}?" if near else "")
    words = _EXPECTED.get(kind, _EXPECTED.get(kind.partition("_")[0]))
    if words is None:
        return fault["msg"].removeprefix("Value error, ")
    return f"expected {words.format(**fault.get('ctx', {}))}, got {fault['input']!r}"
