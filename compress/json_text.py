"""JSON from elsewhere: strict, so that nothing in it is taken in two ways."""

import json
from collections import Counter
from typing import Any, Final

from pydantic import ValidationError

from compress.errors import BadInputError

_LARGEST: Final = 1e100  # of a number: with it one can still compute, without infinity
_MAX_DIGITS: Final = 18  # of a whole number: it fits into 64 bits


def parse_json(text: str | bytes, *, source: object) -> Any:
    """A JSON document, as bytes in UTF-8 or UTF-16, with or without a byte order mark.

    BadInputError, beginning with ``source``, for anything else: also for NaN and infinity, whole numbers of more than
    64 bits, the same key twice, and endless nesting.
    """
    hooks: dict[str, Any] = {
        "parse_constant": _refuse_constant,
        "parse_float": _finite,
        "parse_int": _whole,
        "object_pairs_hook": _distinct,
    }
    try:
        return json.loads(text, **hooks)
    except RecursionError:
        raise BadInputError(f"{source} is not JSON that can be read: it is nested too deeply") from None
    except ValueError as error:  # also of the codecs
        raise BadInputError(f"{source} is not JSON: {error}") from None


def schema_faults(error: ValidationError, *, whole: str = "its value") -> list[str]:
    """What does not fit in a document, each as "place: message"; ``whole`` is the place of the document itself."""
    return [
        f"{'.'.join(map(str, fault['loc'])) or whole:.200}: {fault['msg']}"
        for fault in error.errors(include_input=False)
    ]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"expected finite numbers, got {name}")


def _finite(digits: str) -> float:
    value = float(digits)
    if not abs(value) <= _LARGEST:
        raise ValueError(f"expected finite numbers, at most {_LARGEST:g}, got {digits:.40}")
    return value


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > _MAX_DIGITS:
        raise ValueError(f"expected whole numbers of at most {_MAX_DIGITS} digits, got {digits:.40}...")
    return int(digits)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _count), *_others = Counter(key for key, _value in pairs).most_common(1)
        raise ValueError(f"expected every key once, got {twice[:80]!r} twice")
    return found
