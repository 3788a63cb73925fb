"""The report of a run, or of two files, as one document, in all formats together: they always agree."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from compress.atomic import creating, is_empty_folder, machine_faults, write_atomically
from compress.errors import UsageError
from compress.report import latency_tables, network_tables, run_plots, run_tables
from compress.report.devices.read import devices_file, read_device_report, with_device
from compress.report.devices.sections import device_sections
from compress.report.html import render_html
from compress.report.int8_tables import int8_sections
from compress.report.latency_target import target_table
from compress.report.markdown import render_markdown
from compress.report.model import REPORT, Report, dump_report, recorded_report
from compress.report.model_card import render_model_card
from compress.report.node_table import node_table
from compress.report.sections import Document, Gallery, Image, Section, Table
from compress.report.verdict_section import headline, verdict_section
from compress.runs import MODEL_FACTS, RunFolder
from compress.runs.json_files import ModelFacts, json_bytes
from exporters.write.scratch import scratch_folder


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
        sections=(verdict_section(report), *_measured(report), *device_sections(report), *_made(report), details),
        footer=f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}.",
        name=report.name,
    )


def _measured(report: Report) -> Iterator[Section]:
    """What was measured on the files."""
    titles = (network_tables.ACCURACY, network_tables.SIZE, network_tables.ORIGIN)
    main = tuple(network_tables.network_table(report, title) for title in titles)
    yield Section("Networks", tables=main, plots=tuple(run_plots.tradeoff_plots(report)))
    first, *others = latency_tables.pair_tables(report)
    yield Section(
        "Latency",
        tables=(first, latency_tables.other_latency_table(report), _placement_table(report)),
        folded=(*others, latency_tables.percentile_table(report), latency_tables.protocol_table(report)),
        plots=tuple(run_plots.latency_plots(report)),
        plot_note=(
            "How long single calls took: each histogram is scaled to its own height. Solid line: median. "
            "Dotted: 90th percentile."
        ),
    )
    yield Section(
        "Answers",
        tables=(network_tables.network_table(report, network_tables.ANSWERS), network_tables.class_table(report)),
        folded=(network_tables.confusion_table(report),),
        galleries=tuple(_galleries(report)),
    )
    yield from int8_sections(report)
    yield Section(
        "Where the time goes",
        texts=(latency_tables.how_profiled(report.operators),) if report.operators else (),
        tables=(latency_tables.operator_table(report), latency_tables.layer_table(report)),
    )


def _placement_table(report: Report) -> Table:
    """Where the nodes ran; empty on the CPU."""
    files = {row.label: row.placement.nodes for row in report.networks if row.placement is not None}
    return node_table("Where the nodes ran", files, report.provider)


def _made(report: Report) -> Iterator[Section]:
    """How a run made its files, and what was checked."""
    run = report.run
    if run is not None:
        channels = (target_table(report), run_tables.channel_table(run))
        yield Section("Channels", texts=(run_tables.budget_words(run.budget),), tables=channels, detail=True)
        yield Section(
            "Search and training",
            texts=(run_tables.search_words(run),),
            tables=(run_tables.training_table(run),),
            folded=(run_tables.history_table(run),),
            plots=(*run_plots.search_plots(run), *run_plots.training_plots(run)),
            detail=True,
        )
    files = network_tables.network_table(report, network_tables.FILES)
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


def render_documents(report: Report, model_facts: Mapping[str, Any] | None = None) -> dict[str, str]:
    """File name -> text; with the run's ``artifacts/model.json`` also the model card."""
    document = report_document(report)
    card = {} if model_facts is None else {"MODEL_CARD.md": render_model_card(report, model_facts)}
    return {
        REPORT: dump_report(report),
        "report.md": render_markdown(document),
        "report.html": render_html(document),
    } | card


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder for documents that becomes ``path`` at the end of the block; nothing is there before, or if that fails.

    So a command that was killed can be repeated. Raises ``UsageError`` where the name is taken, and
    ``EnvironmentProblem`` where the folder cannot be made.
    """
    if os.path.lexists(path) and not is_empty_folder(path):
        raise UsageError(f"--out {path} exists already: choose a new folder")
    with ExitStack() as stack:
        with creating(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(scratch_folder(beside=path))
        yield folder
        with creating(path):
            os.replace(folder, path)


def write_documents(folder: Path, documents: Mapping[str, str]) -> None:
    """Write documents, file name -> text, into a folder; raises ``EnvironmentProblem`` where that is impossible."""
    with machine_faults(folder):
        for name, text in documents.items():
            write_atomically(folder / name, text.encode())


def keep_report(run: RunFolder, report: Report, *, licence: str | None = None) -> None:
    """Write a report's documents into its run, which is open for writing; after a kill all are there, or none."""
    facts = run.read_json(MODEL_FACTS, ModelFacts) | ({} if licence is None else {"license": licence})
    documents = {name: text.encode() for name, text in render_documents(report, facts).items()}
    run.change(documents | {MODEL_FACTS: json_bytes(facts)} | devices_file(report.devices))


def render_again(path: Path, *, licence: str | None = None, device: Path | None = None) -> Report:
    """Write a run's documents again from its ``report.json`` alone; the model card names ``licence`` from now on.

    ``device`` is a report of a device that measured the run's files; it is shown and kept from now on.

    Raises ``BadInputError`` for a folder without a report of this schema or with a changed file, and
    ``EnvironmentProblem`` where it cannot be written to, or another process is using it.
    """
    run = RunFolder.open(path)
    report = recorded_report(run)
    if device is not None:
        report = with_device(report, read_device_report(device), source=device, run=run)
    with run:
        keep_report(run, report, licence=licence)
    return report
