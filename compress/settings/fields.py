"""How a setting is declared: once, as a field; flags, help, messages and the documentation's table are read from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

PANELS: Final = ("Network", "Data", "Pruning", "Training", "Run")
"""Titles above the flags of ``compress run``, in their order."""

_LIMITS: Final = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}


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
        default: value where the user gives none, or a function that makes it; ``None`` where it is decided later,
            ``...`` where it is required.
        description: what it is, in a sentence.
        panel: title above its flag in ``--help``.
        shown: the default in words, where ``default`` does not say it.
        flags: names of its flag, where they are not ``--`` and the field's name.
        expected: what a valid value is, in words, where its type and limits do not say it.
        limits: of pydantic's ``Field``, such as ``ge``.
    """
    about: Any = {"panel": panel, "shown": shown, "flags": flags, "expected": expected}
    start = {"default_factory": default} if callable(default) else {"default": default}
    return Field(**start, description=description, json_schema_extra=about, **limits)


@dataclass(frozen=True)
class Setting:
    """A declared setting, as users see it.

    Attributes:
        name: of the field, and of the key in TOML.
        description: what it is.
        panel: title above its flag in ``--help``.
        flags: names of its flag; ``--distill/--no-distill`` for a switch that may be left open.
        kind: type of the flag's value; ``str`` where text is parsed.
        default: in words; empty where there is none.
        expected: what a valid value is, in words; empty where ``limits`` says it.
        limits: in words.
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
        """The flag by which messages call it."""
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
    about: Mapping[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kind, default = _kind(field), field.default
    flag = "--" + name.replace("_", "-")
    if kind is bool and default is None:
        flag = f"{flag}/--no-{name.replace('_', '-')}"
    is_plain = default is not None and default is not False and default is not PydanticUndefined
    return Setting(
        name=name,
        description=field.description or "",
        panel=about.get("panel", ""),
        flags=about.get("flags") or (flag,),
        kind=kind,
        default=about.get("shown") or (in_words(default) if is_plain else ""),
        expected=about.get("expected", ""),
        limits=_limits(field),
    )


def _kind(field: FieldInfo) -> Any:
    """The type of a flag's value."""
    kinds = _alternatives(field.annotation)
    if len(kinds) > 1 or any(isinstance(rule, BeforeValidator) for rule in field.metadata):
        return str
    is_number = get_origin(kinds[0]) is Literal and isinstance(get_args(kinds[0])[0], int)
    return int if is_number else kinds[0]


def _alternatives(annotation: Any) -> list[Any]:
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return [option for option in options if option is not NoneType]


def _limits(field: FieldInfo) -> str:
    kinds = _alternatives(field.annotation)
    if len(kinds) == 1 and get_origin(kinds[0]) is Literal:
        return " or ".join(map(str, get_args(kinds[0])))
    found = [
        words.format(limit)
        for rule in field.metadata
        for name, words in _LIMITS.items()
        if (limit := getattr(rule, name, None)) is not None
    ]
    return ", ".join(found)
