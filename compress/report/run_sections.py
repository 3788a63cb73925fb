"""The report of a run, or of two files, as one document."""

from compress.report import fact_tables, latency_tables, network_tables, run_plots, run_tables
from compress.report.model import Report
from compress.report.sections import Document, Gallery, Image, Section
from compress.report.verdict_section import headline, verdict_section


def report_document(report: Report) -> Document:
    """Sections that are empty, such as the training of files from elsewhere, are not shown."""
    return Document(
        command="report",
        title=f"{report.candidate.label} against {report.original.label}",
        headlines=(headline(report),),
        sections=(verdict_section(report), *_measured(report), *_made(report), _details(report)),
        footer=f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}.",
        name=report.name,
    )


def _measured(report: Report) -> tuple[Section, ...]:
    """What was measured on the files."""
    first, *others = latency_tables.pair_tables(report)
    profile = report.operators
    return (
        Section(
            "Networks",
            tables=(
                network_tables.accuracy_table(report),
                network_tables.network_table(report),
                network_tables.origin_table(report),
            ),
            plots=tuple(run_plots.tradeoff_plots(report)),
        ),
        Section(
            "Latency",
            tables=(first, latency_tables.other_latency_table(report)),
            folded=(*others, latency_tables.percentile_table(report), latency_tables.protocol_table(report)),
            plots=tuple(run_plots.latency_plots(report)),
            plot_note=(
                "How long single calls took: each histogram is scaled to its own height. Solid line: median. "
                "Dotted: 90th percentile."
            ),
        ),
        Section(
            "Answers",
            tables=(network_tables.answer_table(report), network_tables.class_table(report)),
            folded=(network_tables.confusion_table(report),),
            galleries=_galleries(report),
        ),
        Section(
            "Where the time goes",
            texts=(latency_tables.how_profiled(profile),) if profile else (),
            tables=(latency_tables.operator_table(report), latency_tables.layer_table(report)),
        ),
    )


def _made(report: Report) -> tuple[Section, ...]:
    """How a run made its files, and what was checked."""
    run = report.run
    checks = Section(
        "Checks",
        tables=(run_tables.check_table(report), network_tables.file_table(report), run_tables.time_table(report)),
    )
    if run is None:
        return (checks,)
    return (
        Section(
            "Channels",
            texts=(run_tables.budget_words(run.budget),),
            tables=(run_tables.channel_table(report),),
            detail=True,
        ),
        Section(
            "Search and training",
            texts=(run_tables.search_words(run),),
            tables=(run_tables.training_table(report),),
            folded=(run_tables.history_table(report),),
            plots=(*run_plots.search_plots(run), *run_plots.training_plots(run)),
            detail=True,
        ),
        checks,
    )


def _details(report: Report) -> Section:
    return Section(
        "Files, data, machine",
        tables=(
            *map(fact_tables.file_facts, report.networks),
            fact_tables.data_table(report),
            fact_tables.machine_table(report),
            fact_tables.setting_table(report),
        ),
        detail=True,
    )


def _galleries(report: Report) -> tuple[Gallery, ...]:
    """Images that one of the two networks has right, with the other's wrong answer."""
    names = report.data.classes
    answers = [(image, image.original, image.candidate) for image in report.changed]
    original = [(image, wrong) for image, right, wrong in answers if right == image.truth]
    candidate = [(image, wrong) for image, wrong, right in answers if right == image.truth]
    return tuple(
        Gallery(
            f"Only {label} has it right",
            tuple(Image(image.png, names[image.truth], names[wrong], image.index) for image, wrong in images),
        )
        for label, images in ((report.original.label, original), (report.candidate.label, candidate))
        if images
    )
