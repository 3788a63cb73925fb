"""Reports of devices, read from their files, compared with a run's files, and kept in the run."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from compress.errors import BadInputError
from compress.exporter_faults import read_file
from compress.json_text import parse_json, schema_faults
from compress.report.devices.model import SCHEMA_VERSION, DeviceReport, device_faults
from compress.report.model import Report
from compress.runs import RunFolder
from compress.runs.file_records import recorded_digests
from compress.runs.json_files import json_bytes

DEVICES: Final = "devices.json"
"""Where a run keeps them."""

_MAX_BYTES: Final = 2**24
_MOST_FAULTS: Final = 5
_LIST: Final = TypeAdapter(tuple[DeviceReport, ...])


def read_device_report(path: Path) -> DeviceReport:
    """Read ``device-report.json``; BadInputError if it is missing, damaged or of another version."""
    text = read_file(path, limit=_MAX_BYTES, kind="report of a device")
    document = parse_json(text, source=path)
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise BadInputError(
            f"expected a report of a device of schema {SCHEMA_VERSION}, {path} has {version!r:.80}; "
            "try a kit of this version of compress"
        )
    try:
        return DeviceReport.model_validate_json(text, strict=True)
    except ValidationError as error:
        faults = "; ".join(schema_faults(error)[:_MOST_FAULTS])
        raise BadInputError(f"{path} is not a complete report of a device: {faults}") from None


def with_device(report: Report, device: DeviceReport, *, source: Path, run: RunFolder | None = None) -> Report:
    """The report with what a device measured of its files, or of others of its run.

    BadInputError, by name, if those are other files, or ``source``, the device's file, contradicts itself.
    """
    faults = [*_other_files(report, device, run), *device_faults(device, classes=len(report.data.classes))]
    if faults:
        raise BadInputError(f"{source} does not belong to {report.name}: {'; '.join(faults[:_MOST_FAULTS])}")
    others = tuple(one for one in report.devices if not device.replaces(one))
    return report.model_copy(update={"devices": (*others, device)})


def with_kept_devices(report: Report, run: RunFolder) -> Report:
    """The report with what is known of devices that measured these files; a note on those that measured others."""
    if not run.has(DEVICES):
        return report
    known = _LIST.validate_json(run.read_bytes(DEVICES), strict=True)
    fitting = tuple(one for one in known if not _other_files(report, one, run))
    notes = tuple(
        f"{one.name} measured other files than these, {one.created[:10]}: make a new kit, with compress kit"
        for one in known
        if one not in fitting
    )
    return report.model_copy(update={"devices": fitting, "notes": (*report.notes, *notes)})


def devices_file(devices: Iterable[DeviceReport]) -> dict[str, bytes]:
    """What a run keeps of them: its file's name -> content; none where there are none."""
    kept = tuple(devices)
    return {DEVICES: json_bytes(_LIST.dump_python(kept, mode="json"))} if kept else {}


def _other_files(report: Report, device: DeviceReport, run: RunFolder | None) -> list[str]:
    """Each file of a device's report that is not the file of that label in a report, or in its run."""
    known = ({} if run is None else recorded_digests(run)) | {row.label: row.sha256 for row in report.networks}
    return [
        f"{file.label} was the file {file.sha256[:12]} there, and is {known.get(file.label, 'none')[:12]} here"
        for file in device.files
        if known.get(file.label) != file.sha256
    ]
