"""Build the report from what was measured."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from compress.data.bundle import DataBundle
from compress.report.model import DataFacts, Report, RunFacts
from compress.verdict.measure import Measured
from compress.version import __version__
from exporters.read.session import SESSION_FACTS


def build_report(
    measured: Measured,
    data: DataBundle,
    *,
    name: str,
    environment: dict[str, Any],
    run: RunFacts | None,
    notes: Iterable[str],
) -> Report:
    """The report, as of now.

    Args:
        measured: of all files.
        data: the images.
        name: of the run, or of the two files.
        environment: machine and versions.
        run: how the files came about; ``None`` for files from elsewhere.
        notes: what the reader has to know, besides the notes on the data set.
    """
    return Report(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        compress_version=__version__,
        name=name,
        environment=environment,
        session=SESSION_FACTS,
        data=_data_facts(data),
        networks=measured.networks,
        latency=measured.latency,
        operators=measured.operators,
        changed=measured.changed,
        gates=measured.gates,
        run=run,
        notes=tuple(dict.fromkeys((*data.notes, *measured.notes, *notes))),
    )


def _data_facts(data: DataBundle) -> DataFacts:
    """The images of the report."""
    return DataFacts(
        name=data.name,
        classes=data.classes,
        train=len(data.train),
        val=len(data.val),
        test=len(data.test),
        fingerprint=data.fingerprint,
        test_fingerprint=data.test_fingerprint,
        image_size=data.preprocessing.image_size,
        channels=data.preprocessing.channels,
        resize=data.preprocessing.resize,
    )
