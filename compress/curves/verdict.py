"""The numbers of a report as points of curves."""

import re

from compress.report.model import Report


def verdict_numbers(report: Report) -> dict[str, float]:
    """Name -> number: ``pruned/top1`` (a fraction), ``pruned/drop_points``, ``pruned/speedup_batch1_threads1``, ..."""
    numbers: dict[str, float] = {}
    for row in report.networks:
        name = _plain(row.label)
        numbers |= {
            f"{name}/top1": row.accuracy.top1.value,
            f"{name}/loss": row.accuracy.loss,
            f"{name}/macs": row.macs,
            f"{name}/parameters": row.parameters,
            f"{name}/size_bytes": row.size_bytes,
            f"{name}/kept_macs": row.kept_macs,
            f"{name}/kept_parameters": row.kept_parameters,
        }
        if row.drop is not None:
            numbers[f"{name}/drop_points"] = row.drop.points
    for pair in report.latency:
        timed = pair.comparison
        setting = f"batch{timed.batch_size}_threads{timed.threads}"
        numbers[f"{_plain(pair.original)}/latency_ms_{setting}"] = timed.original.p50_ms
        numbers[f"{_plain(pair.candidate)}/latency_ms_{setting}"] = timed.candidate.p50_ms
        numbers[f"{_plain(pair.candidate)}/speedup_{setting}"] = timed.ratio
    return numbers


def _plain(label: str) -> str:
    """A label in characters that TensorBoard and MLflow take."""
    return re.sub(r"[^\w.-]+", "_", label).strip("_")
