"""The verdict: accuracy and latency of the files, against the original's file."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from compress import __version__
from compress.environment import usable_cores
from compress.report.markdown import render_markdown
from compress.report.model import (
    BudgetFacts,
    DataFacts,
    LayerRow,
    NetworkRow,
    RemovalFacts,
    RunReport,
    SearchFacts,
)
from compress.report.store import dump_report, parse_report
from compress.runs import STAGES
from compress.stages.bench import Bench, Prunable
from compress.stages.prune import SearchResult
from compress.stages.ship import Shipped
from compress.verify.accuracy import measure_accuracy, measure_drop
from exporters.latency import LatencyComparison, LatencySettings, compare_latency
from exporters.predict import predict_logits

BATCH_SIZES = (1, 8)
NEAR = 0.02
"""Achieved within this share of what was asked counts as met."""


@dataclass(frozen=True)
class Judged:
    """What the verdict is about: files, the search behind them, what there was to prune."""

    shipped: list[Shipped]
    found: SearchResult
    prunable: Prunable
    notes: tuple[str, ...]


def verify(bench: Bench, judged: Judged) -> RunReport:
    """Measure the files and write ``report.json`` and ``report.md``."""
    name = "07_verify"
    if not bench.run.is_finished(name):
        with bench.stage(name):
            began = time.monotonic()
            latency = _latency(bench, judged.shipped)
            rows = _rows(bench, judged)
            report = _assemble(bench, judged, rows, latency, seconds=time.monotonic() - began)
            bench.run.write_text("report.json", dump_report(report))
            bench.run.write_text("report.md", render_markdown(report))
    return parse_report(bench.run.read_text("report.json"), source="report.json")


def _latency(bench: Bench, shipped: list[Shipped]) -> tuple[LatencyComparison, ...]:
    shown = bench.data.preprocessing
    paths = {item.entrant.role: bench.run.path / item.entrant.file for item in shipped}
    threads = sorted({1, usable_cores()})
    return tuple(
        compare_latency(
            paths["original"],
            paths["candidate"],
            input_shape=(shown.channels, shown.image_size, shown.image_size),
            batch_size=batch_size,
            threads=count,
            settings=LatencySettings(seed=bench.config.seed),
        )
        for batch_size in BATCH_SIZES
        for count in threads
    )


def _rows(bench: Bench, judged: Judged) -> tuple[NetworkRow, ...]:
    labels = bench.data.test.labels.numpy()
    logits = {item.entrant.stem: _predict(bench, item) for item in judged.shipped}
    original = next(item.entrant.stem for item in judged.shipped if item.entrant.role == "original")
    model, full = judged.prunable.model, judged.prunable.model.full
    pruned = model.cost(judged.prunable.units.counts(judged.found.keep_U.unsqueeze(0))[0])
    rows = []
    for item in judged.shipped:
        cost = pruned if item.entrant.role == "candidate" else full
        is_original = item.entrant.role == "original"
        rows.append(
            NetworkRow(
                label=item.entrant.label,
                role=item.entrant.role,
                file=item.entrant.file,
                sha256=item.sha256,
                size_bytes=item.size_bytes,
                parameters=cost.parameters,
                macs=cost.macs,
                kept_macs=cost.macs / full.macs,
                kept_parameters=cost.parameters / full.parameters,
                epochs=item.entrant.epochs,
                accuracy=measure_accuracy(logits[item.entrant.stem], labels),
                drop=None if is_original else measure_drop(logits[original], logits[item.entrant.stem], labels),
                parity=item.parity,
            )
        )
    return tuple(rows)


def _predict(bench: Bench, item: Shipped) -> np.ndarray:
    images = (images for images, _labels in bench.data.test.batches(bench.config.batch_size))
    return predict_logits(bench.run.path / item.entrant.file, images, threads=bench.config.threads)


def _assemble(
    bench: Bench,
    judged: Judged,
    rows: tuple[NetworkRow, ...],
    latency: tuple[LatencyComparison, ...],
    *,
    seconds: float,
) -> RunReport:
    run, config = bench.run, bench.config
    removal = run.read_json("04_remove/removal.json")
    return RunReport(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        compress_version=__version__,
        run_name=run.path.name,
        config=config.model_dump(mode="json"),
        environment=run.read_json("env.json"),
        data=_data_facts(bench),
        networks=rows,
        budget=_budget_facts(bench, next(row for row in rows if row.role == "candidate")),
        layers=tuple(LayerRow(**layer) for layer in removal["layers"]),
        search=_search_facts(bench, judged.found),
        removal=RemovalFacts(
            images=removal["images"],
            max_abs_difference=removal["max_abs_difference"],
            tolerance=removal["tolerance"],
            batchnorm_recalibrated=removal["batchnorm_recalibrated"] > 0,
        ),
        latency=latency,
        seconds={stage: run.seconds(stage) for stage in STAGES if run.is_finished(stage)} | {"07_verify": seconds},
        notes=(*bench.data.notes, *judged.notes),
    )


def _data_facts(bench: Bench) -> DataFacts:
    data = bench.data
    return DataFacts(
        name=data.name,
        classes=data.classes,
        train=len(data.train),
        val=len(data.val),
        test=len(data.test),
        fingerprint=data.fingerprint,
        image_size=data.preprocessing.image_size,
        channels=data.preprocessing.channels,
    )


def _budget_facts(bench: Bench, pruned: NetworkRow) -> BudgetFacts:
    config = bench.config
    asked = [
        (name, share, reached)
        for name, share, reached in (
            ("MACs", config.keep_macs, pruned.kept_macs),
            ("parameters", config.keep_params, pruned.kept_parameters),
        )
        if share
    ]
    missed = asked and all(reached < share * (1 - NEAR) for _name, share, reached in asked)
    note = ""
    if missed:
        name, share, reached = asked[0]
        note = (
            f"kept {reached:.1%} of the {name} where {share:.1%} was asked: "
            f"counts go in steps of {config.align} and no further step fits"
        )
    return BudgetFacts(
        asked_macs=config.keep_macs,
        asked_parameters=config.keep_params,
        achieved_macs=pruned.kept_macs,
        achieved_parameters=pruned.kept_parameters,
        align=config.align,
        note=note,
    )


def _search_facts(bench: Bench, found: SearchResult) -> SearchFacts:
    config = bench.config
    epochs = config.search_epochs
    early = len(found.history) < epochs
    return SearchFacts(
        preset=config.preset,
        population=config.population,
        iterations=len(found.history) * bench.steps_per_epoch,
        converged_at=len(found.history) if early else None,
        seconds=bench.run.seconds("03_search"),
        history=tuple(found.history),
    )
