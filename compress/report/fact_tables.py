"""Lists of facts by name: the files, the data, the machine, the settings of a run."""

from collections.abc import Iterator, Mapping
from typing import Any

from compress.report import figures
from compress.report.model import NetworkRow, Report
from compress.report.sections import Table, fact_table


def file_facts(row: NetworkRow) -> Table:
    """Everything known of one file."""
    signature, memory = row.signature, row.memory
    size = " x ".join(str(side or "free") for side in (signature.height, signature.width))
    channels = figures.plural(signature.channels, "channel")
    takes = f"{signature.dtype}, {signature.layout}, batch {signature.batch or 'free'}, {channels}, {size} px"
    facts = [
        ("file", row.file),
        ("sha256", row.sha256),
        ("weights", row.precision),
        ("input", f"{signature.input_name}: {takes}"),
        ("output", signature.output_name + (f", {signature.classes} classes" if signature.classes else "")),
        ("preprocessing", row.preprocessing),
    ]
    if memory is not None:
        peak, setting = figures.file_size(memory.peak_bytes), figures.setting(memory.batch_size, memory.threads)
        facts.append(("peak memory", f"{peak} for opening the file and one call ({setting})"))
    return fact_table(row.label, facts)


def data_table(report: Report) -> Table:
    """The images, and which exactly."""
    data = report.data
    facts = (
        ("data set", data.name),
        ("training images", f"{data.train:,}"),
        ("validation images", f"{data.val:,}"),
        ("test images", f"{data.test:,}"),
        (f"{len(data.classes):,} class{'es' if len(data.classes) > 1 else ''}", ", ".join(data.classes)),
        ("image", f"{data.image_size} x {data.image_size} px, {figures.plural(data.channels, 'channel')}"),
        ("resize", data.resize),
        *((f"sha256 of {what}", value) for what, value in fingerprints(report)),
    )
    return fact_table("Data", facts)


def fingerprints(report: Report) -> tuple[tuple[str, str], ...]:
    """Which images exactly: what each sha256 is over, and the sha256."""
    return (
        ("test images and labels (what compare goes by)", report.data.test_fingerprint),
        ("all images, labels and splits", report.data.fingerprint),
    )


def machine_table(report: Report) -> Table:
    """Machine, versions, and onnxruntime's options."""
    return fact_table("Machine and versions", _flatten({**report.environment, "onnxruntime": report.session}))


def setting_table(report: Report) -> Table:
    """The run's settings."""
    return fact_table("Settings", _flatten(report.run.config if report.run else {}))


def machine_words(environment: Mapping[str, Any], session: Mapping[str, str]) -> str:
    """The machine of a report in a line: processor, cores, instruction sets, onnxruntime and its options."""
    known = {name: value for name, value in environment.items() if isinstance(value, dict)}
    cpu, packages = known.get("cpu", {}), known.get("packages", {})
    isa, cores = cpu.get("isa"), cpu.get("cores")
    words = [str(cpu.get("model") or "the processor of the measurement")]
    words += [figures.plural(cores, "core")] if isinstance(cores, int) else []
    words += [" ".join(map(str, isa))] if isinstance(isa, list) and isa else []
    options = ", ".join(f"{name} {value}" for name, value in session.items())
    runtime = f"onnxruntime {packages.get('onnxruntime', 'of a version not stated')}"
    return "; ".join((", ".join(words), f"{runtime} ({options})" if options else runtime))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The values by their dotted names."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{prefix}{name}", "none" if value is None else str(value)
