"""What a step of the search costs: a plain step of training, the paper's algorithm done naively, and ours.

Each cell (network, kind of step, population) has a process of its own, with one thread. The cells of a network take
turns, round after round; ratios are those within a round. Networks with a result are kept: the same command continues
where it was stopped, and ``--only`` measures some again.

Example: python -m benchmarks.search_cost --only squeezenet
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.search_cost_table import table
from benchmarks.search_steps import BATCH, Case, generations, load_case, naive_steps, our_steps, plain_steps
from compress.environment import describe_environment

RESULTS = Path(__file__).parent / "search_cost.json"
MIB = 1024  # kilobytes, in which Linux counts memory

NETWORKS: Mapping[str, Literal[1, 3]] = {"squeezenet": 1, "resnet20": 1, "resnet18": 3, "alexnet": 1}
"""Network -> channels of its images, which have the default size for small images."""

POPULATIONS = (1, 8, 32)
GROWTH = {
    "P": [("squeezenet", population) for population in (1, 4, 8, 16, 32, 64)],
    "units": [(name, 8) for name in ("resnet20", "resnet32", "resnet56", "resnet110")],
}
"""Series of (network, population) in which the search's own part is measured."""

SHARES = {"squeezenet": 0.15, "resnet20": 0.2, "resnet18": 0.35, "alexnet": 0.2}
"""Shares of ``--seconds``; the growth takes the rest."""

ROUNDS, GENERATIONS = 15, 3
"""Most rounds of a network; generations whose median a point of a series is."""


@dataclass
class Cell:
    """One process that does steps of one kind, and the seconds that they took: round -> seconds."""

    kind: str
    population: int
    seconds: dict[int, float] = field(default_factory=dict)
    peak_mib: float = 0.0

    def is_due(self, limit: float) -> bool:
        """Whether one more step fits into the cell's seconds; the first always does."""
        taken = list(self.seconds.values())
        return not taken or sum(taken) + taken[-1] <= limit


def main() -> None:
    """Measure what has no result, and write the results after each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choices = (*NETWORKS, "growth")
    parser.add_argument("--only", nargs="+", choices=choices, metavar="NAME", help=f"of {', '.join(choices)}")
    parser.add_argument("--seconds", type=float, default=240, help="of all measurements together, about")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="most rounds of a network")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table-only", action="store_true", help="only write the table of earlier results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # before the first operator: processes are forked from this one
    results = _read(arguments.results)
    known = {*results["networks"], *(["growth"] if results["growth"] else [])}
    for name in [] if arguments.table_only else arguments.only or [name for name in choices if name not in known]:
        sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {name}\n")
        if name == "growth":
            results["growth"] = {what: [_point(*pair) for pair in pairs] for what, pairs in GROWTH.items()}
        else:
            limit = arguments.seconds * SHARES[name]
            results["networks"][name] = measure(name, seconds=limit, rounds=arguments.rounds)
        results["environment"] = describe_environment(threads=1, seed=0)
        results["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
        arguments.results.write_text(json.dumps(results, indent=1) + "\n")
    arguments.results.with_suffix(".md").write_text(table(results))


def measure(name: str, *, seconds: float, rounds: int) -> dict[str, Any]:
    """The cells of one network."""
    case = load_case(name, channels=NETWORKS[name])
    cells = [Cell("plain", 1), *(Cell(kind, population) for kind in ("naive", "ours") for population in POPULATIONS)]
    workers = [Worker(_steps(case, cell)) for cell in cells]
    try:
        for worker in workers:  # without warm-up the first step pays for memory
            worker.next()
        take_turns(cells, [worker.next for worker in workers], seconds=seconds, rounds=rounds)
        for cell, worker in zip(cells, workers, strict=True):
            cell.peak_mib = worker.peak_mib()
    finally:
        for worker in workers:
            worker.stop()
    return {"image": list(case.images.shape[1:]), "cells": [summary(cell, cells[0]) for cell in cells]}


def take_turns(cells: Sequence[Cell], steps: Sequence[Callable[[], float]], *, seconds: float, rounds: int) -> None:
    """Fill the cells, round after round: the first cell always, another as long as its share of the time lasts."""
    for number in range(rounds):
        due = [cell is cells[0] or cell.is_due(seconds / len(cells)) for cell in cells]
        if not any(due[1:]):
            return
        for cell, step, is_due in zip(cells, steps, due, strict=True):
            if is_due:
                cell.seconds[number] = step()


def summary(cell: Cell, plain: Cell) -> dict[str, Any]:
    """A cell's row: medians over its rounds; ratios are those to the plain step of the same round."""
    ratios = sorted(seconds / plain.seconds[number] for number, seconds in cell.seconds.items())
    median = statistics.median(cell.seconds.values())
    return {
        "kind": cell.kind,
        "population": cell.population,
        "rounds": len(cell.seconds),
        "milliseconds": 1e3 * median,
        "images_per_second": BATCH / median,
        "ratio": statistics.median(ratios),
        "ratio_range": [ratios[0], ratios[-1]],
        "peak_mib": cell.peak_mib,
    }


def _steps(case: Case, cell: Cell) -> Callable[[], Iterator[float]]:
    if cell.kind == "plain":
        return lambda: plain_steps(case)
    steps = naive_steps if cell.kind == "naive" else our_steps
    return lambda: steps(case, cell.population)


def _point(name: str, population: int) -> dict[str, Any]:
    """One point of a series: medians of some generations, after one to warm up."""
    case = load_case(name, channels=NETWORKS.get(name, 1))
    worker = Worker(lambda: generations(case, population))
    try:
        found = [worker.next() for _ in range(1 + GENERATIONS)][1:]
    finally:
        worker.stop()
    medians = {f"{part}_ms": 1e3 * statistics.median(one[part] for one in found) for part in ("energies", "repair")}
    same = {key: found[0][key] for key in ("units", "groups", "images", "states")}
    return {"network": name, "population": population, **same, **medians}


class Worker:
    """An iterator in a process of its own, a fork of this one; it waits while others work."""

    def __init__(self, begin: Callable[[], Iterator[Any]]) -> None:
        forked = multiprocessing.get_context("fork")
        self._pipe, there = forked.Pipe()
        self._process = forked.Process(target=_work, args=(begin, there))
        self._process.start()
        there.close()

    def next(self) -> Any:
        """The iterator's next value; EOFError if its process failed (it says why on stderr)."""
        self._pipe.send("next")
        return self._pipe.recv()

    def peak_mib(self) -> float:
        """The largest resident set of the process so far."""
        self._pipe.send("peak")
        return float(self._pipe.recv())

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _work(begin: Callable[[], Iterator[Any]], pipe: Connection) -> None:
    torch.set_num_threads(1)
    values = begin()
    while True:
        asked = pipe.recv()
        if asked == "peak":
            pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB)
        else:
            pipe.send(next(values))


def _read(file: Path) -> dict[str, Any]:
    """Earlier results, if there are any."""
    return json.loads(file.read_text()) if file.exists() else {"networks": {}, "growth": {}}


if __name__ == "__main__":
    main()
