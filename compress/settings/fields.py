"""How a setting is declared: once, as a field; flags, help, messages and the documentation's table are read from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

PANELS: Final = ("Network", "Data", "Preprocessing", "Pruning", "Training", "Run")
"""Titles above the flags of ``compress run``, in their order."""

MOST_THREADS: Final = 1024
"""Of a process: beyond this, OpenMP and the system refuse, or the process is killed."""

SEEDS: Final[Mapping[str, Any]] = {"ge": 0, "lt": 2**31}
"""Seeds that torch's and numpy's generators both take."""

_MOST_SEEDS: Final = 1000
_LIMITS: Final = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
_UNITS: Final = {"k": 1e3, "m": 1e6, "g": 1e9}


class Settings(BaseModel):
    """Settings are immutable; unknown ones are refused, and so are infinity, NaN, and text that cannot be a path."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_null(cls, values: Any) -> Any:
        given = values.items() if isinstance(values, dict) else ()
        for name, value in given:
            if isinstance(value, str | Path) and "\0" in str(value):
                raise ValueError(f"`{name}`: expected text without the character of code 0, got {str(value)!r}")
        return values


def setting(
    default: Any,
    description: str,
    *,
    panel: str = "",
    shown: str = "",
    flags: tuple[str, ...] = (),
    expected: str = "",
    **limits: Any,
) -> Any:
    """Declare a setting of a pydantic model.

    Args:
        default: or a function that makes it; ``None`` where it is decided later, ``...`` where it is required.
        description: a sentence.
        panel: title above its flag in ``--help``.
        shown: the default in words, where ``default`` does not say it.
        flags: names of its flag, where they are not ``--`` and the field's name.
        expected: a valid value in words, where its type and limits do not say it.
        limits: of pydantic's ``Field``, such as ``ge``.
    """
    about: Any = {"panel": panel, "shown": shown, "flags": flags, "expected": expected}
    start = {"default_factory": default} if callable(default) else {"default": default}
    return Field(**start, description=description, json_schema_extra=about, **limits)


@dataclass(frozen=True)
class Setting:
    """A declared setting in words, as users see it (see ``setting``); empty where there is nothing to say.

    ``flags`` is ``--distill/--no-distill`` for a switch that may be left open; ``kind`` is the type of the flag's
    value, ``str`` where text is parsed.
    """

    name: str
    description: str
    panel: str
    flags: tuple[str, ...]
    kind: Any
    default: str
    expected: str
    limits: str

    @property
    def flag(self) -> str:
        """The flag that messages name."""
        return self.flags[0].partition("/")[0]

    @property
    def help(self) -> str:
        """The description and the default."""
        return self.description + (f" (default: {self.default})" if self.default else "")


def settings_of(model: type[BaseModel]) -> dict[str, Setting]:
    """The settings that a model declares, by name."""
    return {name: _read(name, field) for name, field in model.model_fields.items()}


def in_words(value: Any) -> str:
    """A default in words: ``yes``, ``1,8``, ``64``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(name: str, field: FieldInfo) -> Setting:
    about: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kinds = [kind for kind in _alternatives(field.annotation) if kind is not NoneType]
    kind, default = _kind(kinds, field), field.default
    flag = "--" + name.replace("_", "-")
    if kind is bool and default is None:
        flag = f"{flag}/--no-{name.replace('_', '-')}"
    has_default = not any(default is nothing for nothing in (None, False, PydanticUndefined))
    return Setting(
        name=name,
        description=field.description or "",
        panel=about.get("panel", ""),
        flags=about.get("flags") or (flag,),
        kind=kind,
        default=about.get("shown") or (in_words(default) if has_default else ""),
        expected=about.get("expected", ""),
        limits=_limits(kinds, field),
    )


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _kind(kinds: list[Any], field: FieldInfo) -> Any:
    """The type of a flag's value."""
    if len(kinds) > 1 or any(isinstance(rule, BeforeValidator) for rule in field.metadata):
        return str
    is_number = get_origin(kinds[0]) is Literal and isinstance(get_args(kinds[0])[0], int)
    return int if is_number else kinds[0]


def _limits(kinds: list[Any], field: FieldInfo) -> str:
    if len(kinds) == 1 and get_origin(kinds[0]) is Literal:
        return " or ".join(map(str, get_args(kinds[0])))
    limits = [(words, getattr(rule, name, None)) for rule in field.metadata for name, words in _LIMITS.items()]
    return ", ".join(words.format(limit) for words, limit in limits if limit is not None)


def settings_tables(*models: type[BaseModel], keys: bool = False) -> str:
    """The settings of a command as Markdown; ``keys``: with their keys in TOML."""
    settings = [one for model in models for one in settings_of(model).values() if one.panel]
    panels = dict.fromkeys(one.panel for one in settings)
    return "\n".join(
        f"### {panel}\n\n{_table((one for one in settings if one.panel == panel), keys=keys)}" for panel in panels
    )


def _table(settings: Iterable[Setting], *, keys: bool) -> str:
    titles = ["Flag", *(["Key in TOML"] if keys else []), "Default", "Values", "What it is"]
    lines = [titles, ["---"] * len(titles)]
    for one in settings:
        flags = ", ".join(f"`{flag}`" for flag in one.flags)
        key = [f"`{one.name}`"] if keys else []
        lines.append([flags, *key, one.default or "-", one.expected or one.limits or "-", one.description])
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


# Values of flags that are lists or have a unit: text to numbers. Anything but text passes through.


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
    if "," not in value:
        if int(value) > _MOST_SEEDS:
            raise ValueError(value)
        return tuple(range(int(value)))
    return tuple(int(part) for part in value.split(",") if part.strip())
