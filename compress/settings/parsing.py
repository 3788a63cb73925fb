"""Values of flags that are lists or have a unit: text to numbers. Anything but text passes through."""

from typing import Any, Final

_UNITS: Final = {"k": 1e3, "m": 1e6, "g": 1e9}


def parse_list(value: Any) -> Any:
    """``0.5,0.25`` as its parts."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def parse_numbers(value: Any) -> Any:
    """``8,1,8`` as its different numbers in ascending order: 1 and 8."""
    return tuple(sorted({int(part) for part in parse_list(value)})) if isinstance(value, str) else value


def parse_count(value: Any) -> Any:
    """``4000000``, ``4M`` or ``1.2G`` as a whole number."""
    if not isinstance(value, str):
        return value
    unit = _UNITS.get(value[-1:].lower())
    try:
        return round(float(value[:-1]) * unit) if unit else round(float(value))
    except OverflowError:  # infinity
        raise ValueError(value) from None


def parse_seeds(value: Any) -> Any:
    """``3`` as the seeds 0, 1 and 2; ``3,7`` as those two."""
    if not isinstance(value, str):
        return value
    numbers = tuple(int(part) for part in value.split(",") if part.strip())
    return numbers if "," in value else tuple(range(*numbers))
