"""The report of a run, or of two files, as one document."""

from collections.abc import Iterable, Iterator

from compress.report import (
    class_tables,
    fact_tables,
    file_tables,
    latency_tables,
    profile_tables,
    run_plots,
    run_tables,
)
from compress.report.model import ChangedImage, Report
from compress.report.run_facts import RunFacts
from compress.report.sections import Document, Gallery, Image, Section
from compress.report.tiles import tiles
from compress.report.timings import how_timed
from compress.report.verdict_words import headline, state_verdict


def report_document(report: Report) -> Document:
    """Sections that are empty, such as the training of files from elsewhere, are not shown."""
    return Document(
        command="report",
        title=f"{report.candidate.label} against {report.original.label}",
        headlines=(headline(report),),
        sections=(
            verdict_section(report),
            _networks(report),
            _latency(report),
            _answers(report),
            _profile(report),
            *(_course(report, report.run) if report.run is not None else ()),
            _checks(report),
            _details(report),
        ),
        footer=f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}.",
        name=report.name,
    )


def verdict_section(report: Report) -> Section:
    """What was gained and lost, in numbers and sentences."""
    timed = how_timed(report)
    return Section(
        "Verdict",
        tiles=tuple(tiles(report)),
        statements=state_verdict(report),
        texts=("Intervals are at 95 %." + (f" {timed}" if timed else ""),),
    )


def _networks(report: Report) -> Section:
    return Section(
        "Networks",
        tables=(
            file_tables.accuracy_table(report),
            file_tables.network_table(report),
            file_tables.origin_table(report),
        ),
        plots=tuple(run_plots.tradeoff_plots(report)),
    )


def _latency(report: Report) -> Section:
    return Section(
        "Latency",
        tables=(latency_tables.latency_table(report), latency_tables.other_latency_table(report)),
        folded=(
            *latency_tables.pair_tables(report),
            latency_tables.percentile_table(report),
            latency_tables.protocol_table(report),
        ),
        plots=tuple(run_plots.latency_plots(report)),
        plot_note=(
            "How long single calls took: each histogram is scaled to its own height. Solid line: median. "
            "Dotted: 90th percentile."
        ),
    )


def _answers(report: Report) -> Section:
    before, after = report.original.label, report.candidate.label
    return Section(
        "Answers",
        tables=(file_tables.answer_table(report), class_tables.class_table(report)),
        folded=(class_tables.confusion_table(report),),
        galleries=tuple(
            Gallery(f"Only {label} has it right", images)
            for label, right in ((before, True), (after, False))
            if (images := tuple(_images(report, (i for i in report.changed if (i.original == i.truth) == right))))
        ),
    )


def _images(report: Report, changed: Iterable[ChangedImage]) -> Iterator[Image]:
    """The images with the wrong answer that one of the two networks gives."""
    names = report.data.classes
    for image in changed:
        wrong = image.candidate if image.original == image.truth else image.original
        yield Image(image.png, names[image.truth], names[wrong], image.index)


def _profile(report: Report) -> Section:
    texts = () if report.operators is None else (profile_tables.how_profiled(report.operators),)
    tables = (profile_tables.operator_table(report), profile_tables.layer_table(report))
    return Section("Where the time goes", texts=texts, tables=tables)


def _course(report: Report, run: RunFacts) -> Iterator[Section]:
    """How a run made its files."""
    yield Section(
        "Channels",
        texts=(run_tables.budget_words(run.budget),),
        tables=(run_tables.channel_table(report),),
        detail=True,
    )
    yield Section(
        "Search and training",
        texts=(run_tables.search_words(run),),
        tables=(run_tables.training_table(report),),
        folded=(run_tables.history_table(report),),
        plots=(*run_plots.search_plots(run), *run_plots.training_plots(run)),
        detail=True,
    )


def _checks(report: Report) -> Section:
    return Section(
        "Checks",
        tables=(run_tables.check_table(report), file_tables.file_table(report), run_tables.time_table(report)),
    )


def _details(report: Report) -> Section:
    return Section(
        "Files, data, machine",
        tables=(
            *map(file_tables.file_facts, report.networks),
            fact_tables.data_table(report),
            fact_tables.machine_table(report),
            fact_tables.setting_table(report),
        ),
        detail=True,
    )
