"""Lists in messages: the first few, and how many more there are."""

from collections.abc import Iterable


def listed(names: Iterable[str], *, most: int = 8) -> str:
    """``a, b and 3 more``."""
    return _cut(names, most, between=", ", before_rest=" and ")


def listed_lines(lines: Iterable[str], *, most: int = 20) -> str:
    """The same as indented lines, each after a line break: a message goes on with them."""
    return "\n  " + _cut(lines, most, between="\n  ", before_rest="\n  and ")


def _cut(names: Iterable[str], most: int, *, between: str, before_rest: str) -> str:
    names = list(names)
    rest = f"{before_rest}{len(names) - most:,} more" if len(names) > most else ""
    return between.join(names[:most]) + rest
