"""All settings as Markdown tables, for the documentation: one table for each panel of each command."""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from compress.settings.config import RunConfig
from compress.settings.export import ExportSettings
from compress.settings.fields import Setting, settings_of
from compress.settings.race import RaceGrid
from compress.settings.verify import Gates, UserOverrides, VerifySettings

COMMANDS: Mapping[str, tuple[type[BaseModel], ...]] = {
    "run": (RunConfig,),
    "race": (RaceGrid,),
    "verify": (UserOverrides, Gates, VerifySettings),
    "export": (ExportSettings,),
}
"""Command -> its settings. ``race`` takes those of ``run`` too; ``verify`` and ``export`` those of the images."""


def settings_tables(command: str) -> str:
    """The settings of a command as Markdown; those of ``run`` with their keys in TOML."""
    settings = [one for model in COMMANDS[command] for one in settings_of(model).values() if one.panel]
    panels = dict.fromkeys(one.panel for one in settings)
    return "\n".join(
        f"### {panel}\n\n{_table((one for one in settings if one.panel == panel), keys=command == 'run')}"
        for panel in panels
    )


def _table(settings: Iterable[Setting], *, keys: bool) -> str:
    titles = ["Flag", *(["Key in TOML"] if keys else []), "Default", "Values", "What it is"]
    lines = [titles, ["---"] * len(titles)]
    for one in settings:
        flags = ", ".join(f"`{flag}`" for flag in one.flags)
        key = [f"`{one.name}`"] if keys else []
        lines.append([flags, *key, one.default or "-", one.expected or one.limits or "-", one.description])
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)
