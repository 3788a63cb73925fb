"""TOML files of settings, read as data of bounded size and depth."""

import tomllib
from pathlib import Path
from typing import Any, Final

from compress.errors import BadInputError, UsageError
from compress.exporter_faults import read_file
from compress.lists import listed

_MAX_BYTES: Final = 2**16
_MAX_DOTS: Final = 100  # in a line; settings are two levels deep, and tomllib takes minutes for thousands
_MAX_WHOLE_NUMBER: Final = 2**63


def read_toml(file: Path) -> dict[str, Any]:
    """Read settings from a TOML file; UsageError if it is missing or no TOML."""
    try:
        text = read_file(file, limit=_MAX_BYTES, kind="config").decode("utf-8-sig")  # Windows' editors write a mark
        settings = parse_toml(text)
    except BadInputError as error:
        raise UsageError(str(error)) from None
    except RecursionError:
        raise UsageError(f"{file} is not TOML that can be read: it is nested too deeply") from None
    except ValueError as error:  # also of the codec
        raise UsageError(f"{file} is not valid TOML: {error}") from None
    if odd := [name for name, value in settings.items() if _is_unusable(value)]:
        raise UsageError(f"{file}: {listed(odd)}: expected whole numbers of at most 64 bits and text without NUL")
    return settings


def parse_toml(text: str) -> dict[str, Any]:
    """Settings from TOML; ValueError if it is none, RecursionError if it is nested too deeply."""
    if any(line.count(".") > _MAX_DOTS for line in text.splitlines()):
        raise RecursionError("it is nested too deeply")
    return tomllib.loads(text)


def _is_unusable(value: object) -> bool:
    """Whether there is a number that Python does not print, or a text that is no path for any system."""
    if isinstance(value, dict | list):
        return any(map(_is_unusable, value.values() if isinstance(value, dict) else value))
    return "\0" in value if isinstance(value, str) else isinstance(value, int) and abs(value) >= _MAX_WHOLE_NUMBER
