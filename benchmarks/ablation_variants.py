"""The variants of the ablation: each changes one thing of the default."""

from collections.abc import Mapping
from typing import Any

from compress.runs.recorded_inputs import HOW_READ
from compress.settings.config import DecidedConfig, RunConfig, build

DEFAULT = "default"

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    DEFAULT: {},
    "saliency alone": {"method": "saliency"},
    "population 4": {"population": 4},
    "population 16": {"population": 16},
    "population 32": {"population": 32},
    "8 images": {"search": {"images": 8}},
    "16 images": {"search": {"images": 16}},
    "64 images": {"search": {"images": 64}},
    "generation every 4 steps": {"search": {"period": 4}},
    "generation every 64 steps": {"search": {"period": 64}},
    "running means of parents": {"search": {"parents": 0.8}},
    "drawn member": {"search": {"member": "drawn"}},
    "running means and drawn member": {"search": {"parents": 0.8, "member": "drawn"}},
    "own BatchNorm statistics": {"search": {"batchnorm": "batch"}},
    "energies on the teacher's answers": {"search": {"answers": "teacher"}},
    "no tie to the state in use": {"search": {"sticky": 0.0}},
    "strong tie to the state in use": {"search": {"sticky": 0.5}},
    "keys without costs": {"search": {"by_cost": False}},
    "offsets up to 2": {"search": {"bound": 2.0}},
    "offsets up to 0.5": {"search": {"bound": 0.5}},
    "budget reached later": {"search": {"shrunk": 0.9}},
    "budget reached earlier": {"search": {"shrunk": 0.5}},
    "frozen earlier": {"search": {"frozen": 0.75}},
    "no distillation in the search": {"search": {"distill": False}},
    "window earlier": {"search_start": 1 / 8, "search_end": 1 / 4},
    "window later": {"search_start": 3 / 8, "search_end": 1 / 2},
    "window longer": {"search_end": 1 / 2},
    "window shorter": {"search_end": 5 / 16},
    "no push": {"search": {"push": False}},
    "no push, saliency alone": {"method": "saliency", "search": {"push": False}},
    "search as long as the push": {"search": {"length": 1.0}},
    "no distillation": {"distill": False},
}
"""Name -> settings of ``compress run``, those of ``search`` by name; the window in shares of the epochs."""

_WINDOW = ("search_start", "search_end")


def changes_of(variant: str, *, epochs: int) -> dict[str, Any]:
    """The settings that a variant changes, the window in epochs."""
    changes = VARIANTS[variant]
    return {name: round(value * epochs) if name in _WINDOW else value for name, value in changes.items()}


def config_of(base: DecidedConfig, variant: str, *, seed: int) -> DecidedConfig:
    """The settings of a variant's run; ``base`` are those of the default."""
    values, changes = base.model_dump(), changes_of(variant, epochs=base.epochs)
    search = {"search": values["search"] | changes.pop("search", {})}
    return build(DecidedConfig, values | changes | search | {"seed": seed})


def applicable(base: DecidedConfig, *, has_batchnorm: bool) -> list[str]:
    """The variants that change what is computed: not BatchNorm's where there is none, not what is so already.

    Given weights are searched from the first epoch: then the window begins nowhere else.
    """
    names = [DEFAULT]
    for name in VARIANTS:
        pointless = not has_batchnorm and "batchnorm" in VARIANTS[name].get("search", {})
        moved = base.search_start == 0 and "search_start" in VARIANTS[name]
        config = config_of(base, name, seed=base.seed)
        if not pointless and not moved and config != base:
            names.append(name)
    return names


def shared_settings(config: RunConfig) -> dict[str, Any]:
    """The settings that decide what is computed, but for the seed; of given weights the file's name."""
    settings = config.model_dump(mode="json", exclude={"seed", *HOW_READ}, exclude_none=True)
    return settings | ({"weights": config.weights.name} if config.weights else {})
