"""What is wrong with settings, in words: pydantic's faults, with the names that the user gave the settings."""

import difflib
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_EXPECTED: Final = {
    "keep_macs": "a fraction between 0 and 1 (0.5 keeps half)",
    "keep_params": "a fraction between 0 and 1 (0.5 keeps half)",
    "align": "'auto' or a positive whole number",
    "arch": "the name of a network (see `compress list archs`)",
}
"""Of settings that need more words than their kind; settings' names are those of fields."""

_KINDS: Final = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
    "string": "text",
    "path": "a path",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
}
"""Kind of a fault, or its first word -> what was expected."""


def describe(error: "ValidationError", known: Collection[str], *, file: Path | None, in_file: Collection[str]) -> str:
    """All that is wrong with a set of settings.

    Args:
        error: what pydantic found.
        known: names of all settings.
        file: the settings' file, if any.
        in_file: names of the settings that come from it; all others are flags.
    """

    def spelled(name: str) -> str:
        return name if name in in_file else "--" + name.replace("_", "-")

    lines = {}
    for fault in error.errors():
        name = str(fault["loc"][0]) if fault["loc"] else ""
        lines[name] = _line(fault, name, known, spelled) + (f" (in {file})" if name in in_file else "")
    return "wrong settings:\n  " + "\n  ".join(lines.values())


def wanted(fault: "ErrorDetails") -> str:
    """``expected a whole number, got 'x'``."""
    kind = fault["type"]
    words = _KINDS.get(kind, _KINDS.get(kind.partition("_")[0]))
    if words is None:
        return fault["msg"].removeprefix("Value error, ")
    return f"expected {words.format(**fault.get('ctx', {}))}, got {fault['input']!r}"


def _line(fault: "ErrorDetails", name: str, known: Collection[str], spelled: Callable[[str], str]) -> str:
    if not name:  # of several settings, which the message names in backticks
        return re.sub(r"`(\w+)`", lambda found: spelled(found[1]), wanted(fault))
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, known, n=1)
        return f"{spelled(name)}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
    if fault["type"] == "missing":
        return f"{spelled(name)}: expected {_EXPECTED[name]}, got none"
    if name in _EXPECTED:
        return f"{spelled(name)}: expected {_EXPECTED[name]}, got {fault['input']!r}"
    return f"{spelled(name)}: {wanted(fault)}"
