"""A latency budget in words and in a table: asked, predicted, measured."""

from compress.report import figures
from compress.report.figures import Outcome
from compress.report.latency_facts import LatencyBudget
from compress.report.model import Report
from compress.report.sections import Table
from compress.report.timings import Setting, timing_at
from exporters.measure.latency_results import LatencyComparison


def asked_latency(budget: LatencyBudget) -> str:
    """What was asked for: "3.10 ms a call (batch 1, 1 thread)", "2.00x as fast as the original in INT8 (...)"."""
    where = f"{_in_int8(budget)} ({figures.setting(budget.batch_size, budget.threads)})"
    if budget.asked == "milliseconds":
        return f"{figures.milliseconds(budget.asked_ms)} ms a call{where}"
    return f"{budget.asked_speedup:.2f}x as fast as the original{where}"


def target_words(report: Report) -> tuple[str, Outcome] | None:
    """The budget, the prediction and what was measured, in a sentence; ``None`` where the budget is no latency.

    It is missed where the whole interval is beyond it.
    """
    budget = None if report.run is None else report.run.budget.latency
    if budget is None:
        return None
    predicted = f"{figures.milliseconds(budget.predicted_ms)} ms predicted, {budget.predicted_speedup:.2f}x as fast"
    start = f"latency asked: {asked_latency(budget)}; {predicted}"
    if budget.device:
        return f"{start}; the device of the table measures it with its kit", "same"
    found = _measured(report, budget)
    if found is None:
        return f"{start}; not measured {'at this setting' if report.on_cpu else 'on the CPU'}", "same"
    measured = f"{figures.milliseconds(found.candidate.p50_ms)} ms measured, {found.ratio:.2f}x"
    if budget.asked == "milliseconds":
        beyond, missed = found.candidate.p50_ms / budget.asked_ms - 1, found.candidate.p50_low_ms > budget.asked_ms
    else:
        beyond, missed = budget.asked_speedup / found.ratio - 1, found.ratio_high < budget.asked_speedup
    if missed:
        return f"{start}; {measured}: missed by {figures.percent(beyond)}", "lost"
    return f"{start}; {measured}: met{' within its interval' if beyond > 0 else ''}", "gained"


def target_table(report: Report) -> Table:
    """Asked, predicted and measured side by side; empty where the budget is no latency."""
    budget = None if report.run is None else report.run.budget.latency
    pruned = "pruned" if budget is None else f"pruned{_in_int8(budget)}"
    columns = ("", "original, ms", f"{pruned}, ms", "times as fast")
    if budget is None:
        return Table("Latency budget", columns, ())
    ms = figures.milliseconds
    whole_ms = ms(budget.asked_ms * budget.asked_speedup)
    rows = [
        ("asked", "-", ms(budget.asked_ms), f"{budget.asked_speedup:.2f}x"),
        ("predicted", whole_ms, ms(budget.predicted_ms), f"{budget.predicted_speedup:.2f}x"),
    ]
    if budget.checked_speedup is not None:
        name = "measured after the first cut" if budget.corrected else "measured after the cut"
        rows.append((name, "-", "-", f"{budget.checked_speedup:.2f}x"))
    found = None if budget.device else _measured(report, budget)
    if found is not None:
        interval = figures.span(found.ratio_low, found.ratio_high)
        sides = (ms(found.original.p50_ms), ms(found.candidate.p50_ms))
        rows.append(("measured", *sides, f"{found.ratio:.2f}x, {interval}"))
    return Table("Latency budget", columns, tuple(rows), note=_model_words(budget), words=frozenset({""}))


def _in_int8(budget: LatencyBudget) -> str:
    return "" if budget.precision == "float32" else figures.in_int8(budget.int8_for)


def _model_words(budget: LatencyBudget) -> str:
    """What the latency model is of, and its error."""
    facts = [f"{value} {name}" if value.isdigit() else value for name, value in budget.machine.items()]
    machine = ", ".join([*facts, *(f"{name} {version}" for name, version in budget.versions.items())])
    median, largest = map(figures.percent, (budget.error_median, budget.error_largest))
    again = "; the network was cut a second time by the corrected model" if budget.corrected else ""
    return (
        f"{figures.setting(budget.batch_size, budget.threads)}; predicted from {budget.samples} samples of the network"
        f"{_in_int8(budget)} on {machine}; the model is off by {median} in the median, {largest} at most, on "
        f"samples left out of its fit{again}"
    )


def _measured(report: Report, budget: LatencyBudget) -> LatencyComparison | None:
    """The file in the budget's precision against the original in float32, at the budget's setting.

    ``None`` without such a timing, or on another provider: the budget is the CPU's.
    """
    if not report.on_cpu:
        return None
    setting = Setting(budget.batch_size, budget.threads)
    label = report.candidate.label + (" int8" if budget.precision == "int8" else "")
    return timing_at(report, label, against=report.original.label, setting=setting)
