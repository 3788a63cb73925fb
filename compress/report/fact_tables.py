"""Lists of facts by name: the data, the machine, the settings of a run."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from compress.report import figures
from compress.report.model import Report
from compress.report.sections import Table

_PAIRS: Final = frozenset({""})


def setting_table(report: Report) -> Table:
    """The run's settings."""
    return Table("Settings", ("", ""), tuple(_flatten(report.run.config if report.run else {})), words=_PAIRS)


def machine_table(report: Report) -> Table:
    """Machine, versions, and onnxruntime's options."""
    session = {f"onnxruntime.{name}": value for name, value in report.session.items()}
    return Table("Machine and versions", ("", ""), (*_flatten(report.environment), *_flatten(session)), words=_PAIRS)


class OnAMachine(Protocol):
    """A report that says where it was measured; see ``Report`` for the fields."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """Machine and versions."""

    @property
    def session(self) -> Mapping[str, str]:
        """Options of onnxruntime."""


def machine_words(report: OnAMachine) -> str:
    """The machine in a line: processor, cores, instruction sets, onnxruntime and its options."""
    environment = report.environment
    cpu, packages = (_mapping(environment.get(name)) for name in ("cpu", "packages"))
    isa, cores = cpu.get("isa"), cpu.get("cores")
    words = [str(cpu.get("model") or "the processor of the measurement")]
    words += [figures.plural(cores, "core")] if isinstance(cores, int) else []
    words += [" ".join(map(str, isa))] if isinstance(isa, list) and isa else []
    options = ", ".join(f"{name} {value}" for name, value in report.session.items())
    runtime = f"onnxruntime {packages.get('onnxruntime', 'of a version not stated')}"
    return "; ".join((", ".join(words), f"{runtime} ({options})" if options else runtime))


def data_table(report: Report) -> Table:
    """The images, and which exactly."""
    data = report.data
    facts = (
        ("data set", data.name),
        ("training images", f"{data.train:,}"),
        ("validation images", f"{data.val:,}"),
        ("test images", f"{data.test:,}"),
        (figures.plural(len(data.classes), "class").replace("classs", "classes"), ", ".join(data.classes)),
        ("image", f"{data.image_size} x {data.image_size} px, {figures.plural(data.channels, 'channel')}"),
        ("resize", data.resize),
        *((f"sha256 of {what}", value) for what, value in fingerprints(report)),
    )
    return Table("Data", ("", ""), facts, words=_PAIRS)


def fingerprints(report: Report) -> tuple[tuple[str, str], ...]:
    """Which images exactly: what each sha256 is over, and the sha256."""
    return (
        ("test images and labels (what compare goes by)", report.data.test_fingerprint),
        ("all images, labels and splits", report.data.fingerprint),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{prefix}{name}", "none" if value is None else str(value)
