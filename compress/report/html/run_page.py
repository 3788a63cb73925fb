"""The report as one HTML file: offline, without scripts, light and dark, for screen and paper."""

from typing import Any, Final

from compress.report import latency_tables, profile_tables, run_tables, tables
from compress.report.class_tables import ONE_IN_TWENTY
from compress.report.html import answers, pictures, summary, times
from compress.report.html.changes import drop_interval, signed
from compress.report.html.templating import fill_template
from compress.report.model import Report
from compress.report.timings import headline_setting, how_timed
from compress.report.verdict import state_verdict

MOST_CLASSES: Final = 100
"""Classes in the table, of those whose accuracy changed most."""

FIRST_ROWS: Final = 16
"""Rows of a long list that are open; the rest is behind a line to click."""


def render_run_html(report: Report) -> str:
    """The whole report as one HTML document; the same report gives the same bytes.

    Parts that the report has no data for are left out: a run's course for files from elsewhere,
    operators, gates and changed images where there are none.

    Args:
        report: its names may hold anything, they are escaped.
    """
    return fill_template(
        "report.html",
        report=report,
        verdict=state_verdict(report),
        tiles=tuple(summary.tiles(report)),
        results=tuple(summary.results(report)),
        origins=tables.origin_table(report),
        tradeoff=tuple(pictures.tradeoff_pictures(report)),
        first_rows=FIRST_ROWS,
        signed=signed,
        drop_interval=drop_interval,
        **_measurements(report),
        **_course(report),
    )


def _measurements(report: Report) -> dict[str, Any]:
    comparison = report.candidate.comparison
    lines = answers.class_lines(comparison, most=MOST_CLASSES) if comparison else []
    return {
        "timed": headline_setting(report),
        "how_timed": how_timed(report),
        "lost_images": [image for image in report.changed if image.original == image.truth],
        "won_images": [image for image in report.changed if image.original != image.truth],
        "answers": tuple(answers.answers(report)),
        "classes": lines,
        "classes_left_out": len(comparison.classes) - len(lines) if comparison else 0,
        "one_in_twenty": ONE_IN_TWENTY,
        "confusions": () if comparison is None else comparison.confusions,
        "pair_columns": latency_tables.PAIR_COLUMNS,
        "latency_groups": times.latency_groups(report),
        "latency_pictures": tuple(pictures.latency_pictures(report)),
        "timing_tables": (latency_tables.percentile_table(report), latency_tables.protocol_table(report)),
        "slowest": profile_tables.layer_times(report),
        "kinds": profile_tables.operator_times(report),
        "profiled": profile_tables.how_profiled(report.operators) if report.operators else "",
        "shares": profile_tables.shares,
        "width": times.width,
        "longest": times.longest,
        "networks": (tables.network_table(report), tables.answer_table(report)),
        "checks": run_tables.check_table(report),
        "fingerprints": run_tables.fingerprints(report),
        "machine": run_tables.machine_table(report),
    }


def _course(report: Report) -> dict[str, Any]:
    """What only a run has."""
    run = report.run
    if run is None:
        return {"search": "", "search_pictures": (), "training_pictures": (), "settings": None, "time": None}
    return {
        "search": run_tables.search_words(run),
        "search_pictures": tuple(pictures.search_pictures(run)),
        "training_pictures": tuple(pictures.training_pictures(run)),
        "settings": run_tables.setting_table(report),
        "time": run_tables.time_table(report),
    }
