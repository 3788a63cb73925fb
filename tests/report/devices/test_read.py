"""Reports of devices, read as the foreign files that they are, and kept with a run."""

import json

import pytest

from compress.errors import BadInputError
from compress.report.devices.read import DEVICES, read_device_report, with_device, with_kept_devices
from compress.report.documents import keep_report, render_again
from compress.report.model import dump_report, parse_report, recorded_report
from compress.runs import RunFolder
from compress.runs.file_records import with_variants
from compress.settings.config import RunConfig
from exporters.device.machine import State
from tests.helpers.command import compress
from tests.helpers.runs import record
from tests.report.devices.sample import BOARD, answers, as_file, device_report
from tests.report.sample import changed, full_report, report, run_facts
from tests.report.test_model_card import facts

REPORT = report(latency=(), run=run_facts(training={}, search=changed(run_facts().search, history=())))  # few plots
DEVICE = device_report(REPORT)


@pytest.fixture
def run(tmp_path):
    folder = RunFolder.create(tmp_path / "run", RunConfig(arch="squeezenet"), overwrite=False)
    with folder:
        folder.write_json("artifacts/model.json", facts())
        keep_report(folder, REPORT)
    return folder.path


def test_what_the_device_wrote_is_read_back(tmp_path):
    assert read_device_report(as_file(tmp_path / "d.json", DEVICE)) == DEVICE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": "9.0"}, "expected a report of a device of schema 1.0"),
        ({"files": None}, "files: Input should be a valid"),
        ({"timings": [{"original": "a"}]}, "timings.0.candidate: Field required"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
        ({"seconds": "2"}, "seconds: Input should be a valid number"),
    ],
)
def test_another_shape_is_refused_by_its_place(tmp_path, changes, message):
    with pytest.raises(BadInputError, match=message):
        read_device_report(as_file(tmp_path / "d.json", DEVICE, **changes))


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": NaN}', "\udcff"])
def test_what_is_no_json_is_refused(tmp_path, content):
    (tmp_path / "d.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInputError):
        read_device_report(tmp_path / "d.json")


def test_other_files_are_refused_by_name(tmp_path):
    other = changed(REPORT, networks=(REPORT.original, changed(REPORT.candidate, sha256="5" * 64)))
    with pytest.raises(BadInputError, match=r"d\.json does not belong to .*: pruned was the file bbbbbbbbbbbb there, "
                       "and is 555555555555 here"):  # fmt: skip
        with_device(other, DEVICE, source=tmp_path / "d.json")


FAULTS = [
    ({"device": changed(BOARD, emulated="qemu")}, "no times from an emulator"),
    ({"files": ()}, "files with a label of its own"),
    ({"files": DEVICE.files[:1]}, r"times of files of the report, got \['pruned'\]"),
    (
        {"files": (DEVICE.files[0], changed(DEVICE.files[1], answers=answers(agreeing=65)))},
        "at most 64 same answers, got 65",
    ),
    (
        {"timings": (changed(DEVICE.timings[0], comparison=changed(DEVICE.timings[0].comparison, ratio=0.0)),)},
        "a ratio of times above 0",
    ),
]


@pytest.mark.parametrize(("changes", "message"), FAULTS)
def test_numbers_that_do_not_fit_together_are_refused(changes, message, tmp_path):
    with pytest.raises(BadInputError, match=message):
        with_device(REPORT, changed(DEVICE, **changes), source=tmp_path)


def test_a_class_that_the_data_set_has_not_is_refused(tmp_path):
    device = device_report(full_report())
    (wrong,) = device.files[2].answers.differing
    file = changed(device.files[2], answers=changed(device.files[2].answers, differing=(changed(wrong, found=6),)))
    with pytest.raises(BadInputError, match="numbers of the 6 classes, 0 to 5, got 6"):
        with_device(full_report(), changed(device, files=(*device.files[:2], file)), source=tmp_path)


def test_a_newer_measurement_of_the_same_replaces_the_older_and_others_stay(tmp_path):
    newer, other = changed(DEVICE, created="2026-11-29"), changed(DEVICE, provider="XNNPACKExecutionProvider")
    once = DEVICE.timings[:1]
    shown = REPORT
    for device in (DEVICE, other, changed(DEVICE, timings=once), newer):
        shown = with_device(shown, device, source=tmp_path)
    assert shown.devices == (other, changed(DEVICE, timings=once), newer)


def test_a_run_keeps_it_and_shows_it_again(run, tmp_path):
    render_again(run, device=as_file(tmp_path / "d.json", DEVICE))
    again = render_again(run)
    assert again.devices == recorded_report(RunFolder.open(run)).devices == (DEVICE,)
    RunFolder.open(run).check_all()
    assert "Raspberry Pi 5" in (run / "report.md").read_text()
    assert parse_report(dump_report(again), source="it") == again


def test_files_that_the_run_has_exported_and_not_yet_measured_are_its_own(run, tmp_path):
    device = changed(DEVICE, files=(*DEVICE.files, changed(DEVICE.files[0], label="pruned fp16", sha256="7" * 64)))
    file = as_file(tmp_path / "d.json", device)
    with pytest.raises(BadInputError, match="pruned fp16 was the file 777777777777 there, and is none here"):
        render_again(run, device=file)
    with RunFolder.open(run) as folder:
        folder.change(with_variants(folder, (record(label="pruned fp16", role="extra", sha256="7" * 64),)))
    assert render_again(run, device=file).devices == (device,)


def test_measured_anew_the_run_s_devices_stay_as_long_as_their_files(run, tmp_path):
    render_again(run, device=as_file(tmp_path / "d.json", DEVICE))
    folder = RunFolder.open(run)
    assert with_kept_devices(REPORT, folder).devices == (DEVICE,)
    cut_again = changed(REPORT, networks=(REPORT.original, changed(REPORT.candidate, sha256="5" * 64)))
    found = with_kept_devices(cut_again, folder)
    assert found.devices == ()
    assert found.notes[-1] == (
        "Raspberry Pi 5 measured other files than these, 2026-11-28: make a new kit, with compress kit"
    )
    assert json.loads(folder.read_text(DEVICES))[0]["device"]["board"] == "Raspberry Pi 5"


def test_the_command_shows_it_refuses_others_and_leaves_the_run_as_it_was(run, tmp_path):
    file = as_file(tmp_path / "d.json", DEVICE)
    done = compress("report", run, "--device", file)
    assert done.returncode == 0, done.stderr
    assert "Latency on Raspberry Pi 5" in done.stdout
    before = (run / "MANIFEST.sha256").read_bytes()
    damaged = as_file(tmp_path / "other.json", changed(DEVICE, files=(changed(DEVICE.files[0], sha256="0" * 64),)),
                      timings=[])  # fmt: skip
    refused = compress("report", run, "--device", damaged, "--json")
    assert refused.returncode == 4
    assert "original was the file 000000000000 there" in json.loads(refused.stdout)["error"]["message"]
    assert (run / "MANIFEST.sha256").read_bytes() == before
    shown = compress("report", run / "report.json", "--device", file, "--json")  # a file is only shown
    assert [one["device"]["board"] for one in json.loads(shown.stdout)["devices"]] == ["Raspberry Pi 5"]


def test_the_device_s_types_are_those_of_the_program(tmp_path):
    """A field that the program adds is read here without more ado, one that it drops is missed."""
    text = json.loads(as_file(tmp_path / "d.json", DEVICE).read_text())
    assert text["before"].keys() == State.__dataclass_fields__.keys()
