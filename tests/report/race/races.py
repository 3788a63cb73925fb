"""Races written by hand, with numbers that a test can count."""

import numpy as np

from compress.report.model import DataFacts
from compress.report.race.budget import CellBudget
from compress.report.race.model import CellResult, CellTiming, RaceCell, RaceReport
from compress.report.results import AccuracyDrop
from compress.verdict.accuracy import rate_of

HALF, QUARTER = CellBudget("keep_macs", 0.5), CellBudget("keep_macs", 0.25)
TWICE = CellBudget("target_speedup", 2.0)
IMAGES = 10
ORIGINAL_HITS = 9
SEVEN, EIGHT, FIVE = "1111111000", "1111110011", "1111100000"
HOSTILE = "<script>alert(1)</script>[/red]|`"


def result(right: str, *, ratio: float | None = 2.0, kept: float = 0.5, seconds: float = 60.0) -> CellResult:
    """A finished cell; ``right`` holds a 1 for every test image that the pruned network has right."""
    hits = right.count("1")
    lost = 100 * (ORIGINAL_HITS - hits) / len(right)
    timing = None if ratio is None else CellTiming(
        batch_size=1, threads=1, ratio=ratio, ratio_low=ratio - 0.1, ratio_high=ratio + 0.1, noisy=False
    )  # fmt: skip
    return CellResult(
        report_sha256="0" * 64,
        original="original",
        original_top1=rate_of(ORIGINAL_HITS, len(right)),
        top1=rate_of(hits, len(right)),
        drop=AccuracyDrop(lost, lost - 1, lost + 1, 1, 0, len(right)),
        macs=round(1000 * kept),
        parameters=400,
        kept_macs=kept,
        kept_parameters=0.4,
        timing=timing,
        seconds=dict.fromkeys(("01_baseline", "03_search", "05_finetune"), seconds)
        | {"02_original": 120.0, "07_verify": 1000.0},
        right=np.packbits([int(bit) for bit in right]).tobytes().hex(),
    )


def cell(method: str, seed: int, made: CellResult | None, *, budget: CellBudget = HALF, **changes: str) -> RaceCell:
    """A cell; without a result it is waiting, or what ``changes`` say."""
    values = {"outcome": "finished" if made else "waiting"} | changes
    folder = f"cells/{method}-{budget.name}-seed{seed}"
    return RaceCell(method=method, seed=seed, folder=folder, result=made, **budget.as_settings(), **values)


def finished(method: str, *bits: str) -> list[RaceCell]:
    """Finished cells of one method, a seed each."""
    return [cell(method, seed, result(right)) for seed, right in enumerate(bits)]


def race_of(*cells: RaceCell, **changes: object) -> RaceReport:
    values = {
        "created": "2026-11-22T10:00:00+00:00",
        "compress_version": "0.1.0",
        "name": "quarter",
        "leader": "edropout",
        "config": {"arch": "squeezenet", "dataset": "fashion-sample"},
        "environment": {"cpu": {"model": "Some CPU", "cores": 2, "isa": ["avx2"]}, "packages": {"onnxruntime": "1.31"}},
        "session": {},
        "data": DataFacts(
            name="levels", classes=("a", "b"), train=30, val=5, test=IMAGES, fingerprint="1" * 64,
            test_fingerprint="2" * 64, image_size=24, channels=1, resize="none",
        ),
        "cells": cells,
    }  # fmt: skip
    return RaceReport(**(values | changes))


def two_seeds() -> RaceReport:
    """Three methods at two budgets, with cells that are missing for different reasons."""
    return race_of(
        cell("edropout", 0, result(SEVEN)), cell("l1", 0, result(EIGHT, ratio=2.4)),
        cell("bn-scale", 0, None, outcome="not applicable", reason=f"no BatchNorm in {HOSTILE}"),
        cell("edropout", 1, result(EIGHT)), cell("l1", 1, result(EIGHT)),
        cell("bn-scale", 1, None, outcome="not applicable", reason=f"no BatchNorm in {HOSTILE}"),
        cell("edropout", 0, result(SEVEN, kept=0.25), budget=QUARTER),
        cell("l1", 0, result(FIVE, kept=0.25), budget=QUARTER),
        cell("l1", 1, None, budget=QUARTER, outcome="diverged", reason="the loss became nan"),
        cell("edropout", 1, None, budget=QUARTER),
    )  # fmt: skip


def both_kinds() -> RaceReport:
    """Half of the MACs, and twice the speed: the latter is as accurate with EDropout, and faster."""
    return race_of(
        cell("edropout", 0, result(SEVEN, ratio=1.6)), cell("l1", 0, result(FIVE, ratio=1.5)),
        cell("edropout", 0, result(SEVEN, ratio=2.04, kept=0.3), budget=TWICE),
        cell("l1", 0, result("0" * 10, ratio=1.9, kept=0.4), budget=TWICE),
    )  # fmt: skip


def three_seeds() -> RaceReport:
    """Over edropout l1 is 10, 0 and -20 points ahead: mean -3.33, standard deviation 15.28."""
    return race_of(*finished("edropout", SEVEN, SEVEN, SEVEN), *finished("l1", EIGHT, SEVEN, FIVE))


def contradiction() -> RaceReport:
    """Over edropout l1 is 6 of 12 images ahead with one seed, and 7 behind with the other."""
    none, six, seven = "0" * 12, "1" * 6 + "0" * 6, "1" * 7 + "0" * 5
    return race_of(*finished("edropout", none, seven), *finished("l1", six, none))
