"""How a run was trained, epoch by epoch, from what its stages recorded."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import FiniteFloat, Strict

from compress.report.model import SearchFacts
from compress.runs import RunFolder
from compress.runs.stage_context import PUSH, PUSHED, StageContext
from compress.settings.methods import METHODS

Rows = tuple[dict[str, float], ...]

EpochValue = Annotated[FiniteFloat, Strict()]  # not a text that reads as one

_SEARCH = "03_search"
_STAGES = ("01_baseline", "02_original", _SEARCH, "05_finetune")


def search_facts(context: StageContext) -> SearchFacts:
    """The search; without numbers per epoch where the method chose at once."""
    run, config = context.run, context.config
    history = () if METHODS[config.method].at_once else _rows(run, f"{_SEARCH}/history.json")
    return SearchFacts(
        preset=config.preset,
        population=config.population,
        iterations=len(history) * context.steps_per_epoch,
        converged_at=_converged_at(history, run.read_config().search_end) if config.preset == "paper" else None,
        seconds=run.seconds(_SEARCH),
        history=history,
    )


def trainings(context: StageContext) -> dict[str, Rows]:
    """Stage -> numbers per epoch, where weights alone were trained.

    In the search that is so only if the method chose at once.
    """
    stages = [one for one in _STAGES if one != _SEARCH or METHODS[context.config.method].at_once]
    files = {stage: f"{stage}/history.json" for stage in stages} | {PUSH: PUSHED}
    return {stage: rows for stage, name in sorted(files.items()) if (rows := _rows(context.run, name))}


def _rows(run: RunFolder, name: str) -> Rows:
    return tuple(run.read_json(name, list[dict[str, EpochValue]])) if run.has(name) else ()


def _converged_at(history: Sequence[Mapping[str, float]], search_end: int | None) -> int | None:
    """The epoch in which a search ended early; ``search_end`` is not known of runs of earlier versions."""
    last = int(history[-1]["epoch"]) if history else None
    return last if last and search_end and last < search_end else None
