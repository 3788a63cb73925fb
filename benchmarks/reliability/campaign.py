"""Attack ``compress``: kills, flipped bits, a failing machine, hostile files, divergence; count what went wrong.

The same command goes on where it was stopped, until every kind has its number of attacks or the time is up. Each case
has a number and is the same every time: ``--only KIND --case NUMBER`` makes it again.

Example: python -m benchmarks.reliability --minutes 45
"""

import argparse
import functools
import io
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read as torch is imported; a pool of threads would be lost in a fork

import torch
import typer.main

from benchmarks.reliability import commands, controls, inputs
from benchmarks.reliability.commands import Bases
from benchmarks.reliability.hostile import Hostile
from benchmarks.reliability.promises import PAGE, with_promises
from benchmarks.reliability.record import Attack, Case, Record, source_digest
from benchmarks.reliability.scenes import Setting, prepare_library
from benchmarks.reliability.table import page
from benchmarks.reliability.victims import run_command
from compress.environment import source_commit

RESULTS = Path(__file__).parents[1] / "reliability.json"


@dataclass(frozen=True)
class Kind:
    """A kind of attack: how it is set up, and how many attacks the committed run has at least."""

    set_up: Callable[[Bases], Attack]
    wanted: int


def _hostile(bases: Bases, *, name: str) -> Hostile:
    make, _wanted = inputs.KINDS[name]
    return Hostile(make(bases), bases.setting.root / "hostile" / name.replace(" ", "-"))


KINDS: Final[Mapping[str, Kind]] = {
    **{
        f"kills: {name}": Kind(functools.partial(commands.chains, name=name), plan.kills)
        for name, plan in commands.PLANS.items()
    },
    **{
        f"flips: {name}": Kind(functools.partial(commands.flips, name=name), wanted)
        for name, wanted in commands.FLIPS.items()
    },
    **{
        f"machine: {name}": Kind(functools.partial(commands.faults, name=name), wanted)
        for name, (_make, _draw, wanted) in commands.MACHINE.items()
    },
    **{
        f"hostile: {name}": Kind(functools.partial(_hostile, name=name), wanted)
        for name, (_inputs, wanted) in inputs.KINDS.items()
    },
    "divergence": Kind(commands.divergence, 30),
    "controls": Kind(commands.controls, len(controls.NAMES)),
}


SAMPLE: Final[Mapping[str, int]] = {
    "kills: trained": 6,
    "flips: finished": 30,
    "machine: errors at file operations": 1,
    "machine: limits": 1,
    "machine: read-only folder": 1,
    "machine: no locks": 1,
    "machine: two processes": 1,
    "hostile: weights": 5,
    "hostile: plans": 5,
    "hostile: reports": 5,
    "hostile: settings": 5,
    "hostile: images": 3,
    "hostile: data files": 3,
    "hostile: run folders": 3,
    "hostile: names": 5,
    "divergence": 2,
    "controls": 2,
}
"""Attacks of ``make test``."""


def main() -> None:
    """Make cases until the time is up, and write the results after each."""
    arguments = _arguments()
    bases = Bases(Setting(arguments.out.absolute()))
    kinds = {name: kind for name, kind in KINDS.items() if name.startswith(tuple(arguments.only or [""]))}
    if arguments.sample:
        kinds = {name: replace(kind, wanted=SAMPLE[name]) for name, kind in kinds.items() if name in SAMPLE}
    if arguments.case is not None:
        warm_up()
        for name, kind in kinds.items():
            _tell(name, kind.set_up(bases).case(arguments.case))
        return
    record = Record(arguments.results, commit=source_commit(), source=source_digest())
    if arguments.minutes:
        warm_up()
    run(kinds, bases, record, minutes=arguments.minutes, share=arguments.share)
    record.write()
    record.file.with_suffix(".md").write_text(page(record.as_dict()))
    if record.file == RESULTS:
        PAGE.write_text(with_promises(PAGE.read_text(), record.as_dict()))


def run(kinds: Mapping[str, Kind], bases: Bases, record: Record, *, minutes: float, share: float) -> None:
    """Make cases of the kind that lacks most, until all have ``share`` of their attacks or the time is up."""
    end, attacks = time.monotonic() + 60 * minutes, {}

    def done(name: str) -> float:
        return record.tally(name).attacks / (kinds[name].wanted * share)

    failed: set[str] = set()
    while time.monotonic() < end and (lacking := [name for name in kinds if done(name) < 1 and name not in failed]):
        name, began = min(lacking, key=done), time.monotonic()
        tally = record.tally(name)
        try:
            if name not in attacks:
                attacks[name] = kinds[name].set_up(bases)
            case = attacks[name].case(tally.cases)
        except (RuntimeError, OSError) as error:  # all other kinds go on
            case = Case("not done", faults=[f"the campaign failed: {error}"])
            failed.add(name)
        tally.add(case, number=tally.cases, seconds=time.monotonic() - began)
        _tell(name, case)
        record.write()


def warm_up() -> None:
    """Import and read what every victim would: onnxscript parses the source of its 500 functions for each export."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    import compress.cli.main
    import compress.export.export_run
    import compress.race.runner
    import compress.report.html  # noqa: F401

    torch.set_num_threads(1)
    prepare_library()
    for name in tuple(sys.modules):
        if name.startswith("onnxscript._framework_apis.torch_") and hasattr(sys.modules[name], "get_torchlib_ops"):
            module: Any = sys.modules[name]
            module.get_torchlib_ops = functools.cache(module.get_torchlib_ops)
    ONNXRegistry.from_torchlib()
    typer.main.get_command = functools.cache(typer.main.get_command)
    with redirect_stderr(io.StringIO()):  # each imports what it needs, and is refused
        for words in ("run --resume", "verify", "report", "export --int8", "compare -"):
            run_command((*words.split(), "no such folder"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=45, help="time for new cases; 0: only write the page")
    parser.add_argument("--share", type=float, default=1.0, help="share of the attacks of the committed run")
    parser.add_argument("--sample", action="store_true", help="only the attacks of `make test`")
    parser.add_argument("--only", nargs="+", metavar="KIND", help="begin of names, of " + ", ".join(KINDS))
    parser.add_argument("--case", type=int, help="make this case again")
    parser.add_argument("--out", type=Path, default=Path("runs/reliability"), help="folder of everything that is made")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


def _tell(kind: str, case: Case) -> None:
    ended = ", ".join(f"{count} {outcome}" for outcome, count in case.outcomes.items())
    lines = [f"{datetime.now(UTC):%H:%M:%S} {kind}, {case.name}: {ended}", *(f"  FAULT {one}" for one in case.faults)]
    sys.stderr.write("\n".join([*lines, *(f"    {step}" for step in case.steps if case.faults)]) + "\n")
