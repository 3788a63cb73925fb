"""The report of a run, or of two files, as one document."""

from collections.abc import Iterator

from compress.report import latency_tables, network_tables, run_plots, run_tables
from compress.report.model import Report
from compress.report.sections import Document, Gallery, Image, Section
from compress.report.verdict_section import headline, verdict_section


def report_document(report: Report) -> Document:
    """Sections that are empty are not shown; of files from elsewhere there are none on how they were made."""
    machine = {**report.environment, "onnxruntime": report.session}
    details = Section(
        "Files, data, machine",
        tables=(
            *map(run_tables.file_facts, report.networks),
            run_tables.data_table(report),
            run_tables.fact_table("Machine and versions", machine),
            run_tables.fact_table("Settings", report.run.config if report.run else {}),
        ),
        detail=True,
    )
    return Document(
        command="report",
        title=f"{report.candidate.label} against {report.original.label}",
        headlines=(headline(report),),
        sections=(verdict_section(report), *_measured(report), *_made(report), details),
        footer=f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}.",
        name=report.name,
    )


def _measured(report: Report) -> Iterator[Section]:
    """What was measured on the files."""
    networks = network_tables.network_tables(report)
    main = tuple(networks[title] for title in (network_tables.ACCURACY, network_tables.SIZE, network_tables.ORIGIN))
    yield Section("Networks", tables=main, plots=tuple(run_plots.tradeoff_plots(report)))
    first, *others = latency_tables.pair_tables(report)
    yield Section(
        "Latency",
        tables=(first, latency_tables.other_latency_table(report)),
        folded=(*others, latency_tables.percentile_table(report), latency_tables.protocol_table(report)),
        plots=tuple(run_plots.latency_plots(report)),
        plot_note=(
            "How long single calls took: each histogram is scaled to its own height. Solid line: median. "
            "Dotted: 90th percentile."
        ),
    )
    yield Section(
        "Answers",
        tables=(networks[network_tables.ANSWERS], network_tables.class_table(report)),
        folded=(network_tables.confusion_table(report),),
        galleries=tuple(_galleries(report)),
    )
    yield Section(
        "Where the time goes",
        texts=(latency_tables.how_profiled(report.operators),) if report.operators else (),
        tables=(latency_tables.operator_table(report), latency_tables.layer_table(report)),
    )


def _made(report: Report) -> Iterator[Section]:
    """How a run made its files, and what was checked."""
    run = report.run
    if run is not None:
        channels = (run_tables.channel_table(run),)
        yield Section("Channels", texts=(run_tables.budget_words(run.budget),), tables=channels, detail=True)
        yield Section(
            "Search and training",
            texts=(run_tables.search_words(run),),
            tables=(run_tables.training_table(run),),
            folded=(run_tables.history_table(run),),
            plots=(*run_plots.search_plots(run), *run_plots.training_plots(run)),
            detail=True,
        )
    files = network_tables.network_tables(report)[network_tables.FILES]
    yield Section("Checks", tables=(run_tables.check_table(report), files, run_tables.time_table(report)))


def _galleries(report: Report) -> Iterator[Gallery]:
    """Images that one of the two networks has right, with the other's wrong answer."""
    names = report.data.classes
    answers = [(image, image.original, image.candidate) for image in report.changed]
    original = [(image, wrong) for image, right, wrong in answers if right == image.truth]
    candidate = [(image, wrong) for image, wrong, right in answers if right == image.truth]
    for label, images in ((report.original.label, original), (report.candidate.label, candidate)):
        if images:
            shown = (Image(image.png, names[image.truth], names[wrong], image.index) for image, wrong in images)
            yield Gallery(f"Only {label} has it right", tuple(shown))
