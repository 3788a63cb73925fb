"""Settings of ``compress race``: which methods, budgets and seeds."""

from functools import partial
from typing import Annotated, Final, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict

from compress.settings.config import Method
from compress.settings.fields import setting
from compress.settings.parsing import parse_list, parse_seeds
from compress.settings.presets import KEEP_MACS

RACE: Final = "Race"
_setting = partial(setting, panel=RACE)


class RaceGrid(BaseModel):
    """The cells of a race: every method at every budget with every seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: Annotated[tuple[Method, ...], BeforeValidator(parse_list)] = _setting(
        get_args(Method), "Methods, comma-separated (see `compress list methods`).", shown="all"
    )
    budgets: Annotated[tuple[float, ...] | None, BeforeValidator(parse_list)] = _setting(
        None,
        "Fractions of the multiply-accumulates to keep: 0.5,0.25,0.1.",
        shown=str(KEEP_MACS),
        flags=("--keep-macs",),
        expected="fractions such as 0.5,0.25",
    )
    seeds: Annotated[tuple[int, ...], BeforeValidator(parse_seeds)] = _setting(
        (0, 1, 2),
        "Number of seeds, from 0; or the seeds themselves: 3,7.",
        shown="3",
        expected="a number of seeds, or seeds such as 3,7",
    )
    full_latency: bool = _setting(
        False, "Time at every batch size and thread count, as `run` does; otherwise batch 1, one thread."
    )
