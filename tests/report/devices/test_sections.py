"""Devices in the report: beside the host, never mixed, in every format."""

import io

import pytest
from rich.console import Console

from compress.report.compare.assemble import compare_reports
from compress.report.compare.document import comparison_document
from compress.report.devices.sections import device_sections, device_words
from compress.report.documents import render_documents, report_document
from compress.report.terminal import render_terminal
from compress.report.verdict_section import state_verdict
from exporters.device.timing import PairTiming
from tests.report.compare.runs import other_run
from tests.report.devices.sample import answers, device_report
from tests.report.sample import changed, full_report, latency_row, report

FULL = full_report()
DEVICE = device_report(FULL)
WITH = changed(FULL, devices=(DEVICE,))


def in_terminal(document) -> list[str]:
    stream = io.StringIO()
    render_terminal(document, Console(file=stream, width=80))
    assert max(map(len, stream.getvalue().splitlines())) <= 80
    return [" ".join(line.split()) for line in stream.getvalue().splitlines()]


def test_the_terminal_shows_both_machines_side_by_side():
    lines = in_terminal(report_document(WITH))
    for line in (
        "Latency on Raspberry Pi 5, original -> pruned (median ms per call there; here:",
        "1 1 9.00 5.00 1.80x 1.70 to 1.90 faster 1.50x",
        "1 4 3.00 2.00 1.80x 1.70 to 1.90 faster, noisy -",
        "original 64 of 64 2.0e-06 1.0e-04 55 55 passed",
        "pruned int8 63 of 64 4.0e-01 classes 55 54 passed",
        "note the clock fell from 2400 to 1500 MHz",
    ):
        assert line in lines


def test_other_pairs_are_one_table_in_the_terminal_and_a_table_each_elsewhere():
    int8 = PairTiming("original", "pruned int8", latency_row(1, 1, 2.0, 2.2, 2.4, before=9.0, after=4.1).comparison)
    shown = changed(FULL, devices=(changed(DEVICE, timings=(*DEVICE.timings, int8)),))
    lines = in_terminal(report_document(shown))
    assert "pruned int8 original 9.00 4.10 2.20x 2.00 to 2.40 3.50x" in lines
    (section,) = device_sections(shown)
    assert section.folded[0].title == "Latency on Raspberry Pi 5, original -> pruned int8"
    assert section.folded[0].rows == (("1", "1", "9.00", "4.10", "2.20x", "2.00 to 2.40", "faster", "3.50x"),)


def test_the_device_is_described_with_its_state_before_and_after():
    words = device_words(DEVICE)
    assert words.startswith("implementer 0x41, part 0xd0b, aarch64, 4 cores, Linux-6.6; governor ondemand; ")
    assert "2400 -> 1500 of at most 2400 MHz; 48 -> 62 °C; onnxruntime 1.19.2" in words
    assert words.endswith("kit 999999999999.")


def test_the_verdict_names_the_device_and_keeps_the_host_s_numbers():
    (also,) = (part for part in state_verdict(WITH) if part.label == "also")
    assert also.sentences[-1] == (
        "on Raspberry Pi 5: 9.00 ms -> 5.00 ms, 1.80x as fast, 1.70 to 1.90 (batch 1, 1 thread)"
    )
    before, after = ({part.title: part for part in report_document(one).shown} for one in (FULL, WITH))
    assert {*after} - {*before} == {"Device: Raspberry Pi 5"}
    assert before["Latency"].tables == after["Latency"].tables
    assert before["Verdict"].tiles == after["Verdict"].tiles


def test_answers_that_differ_are_a_note_and_listed_by_class():
    wrong = changed(DEVICE.files[0], answers=answers(max_abs_difference=0.5, agreeing=60))
    (section,) = device_sections(changed(FULL, devices=(changed(DEVICE, files=(wrong, *DEVICE.files[1:])),)))
    assert section.statements[0].sentences[0] == "answers differ from those expected: original"
    assert section.folded[-1].rows == (("pruned int8", "9", "boot", "boot", "trousers"),)


def test_nodes_that_fell_back_are_counted_where_another_provider_was_asked_for():
    provider = "XNNPACKExecutionProvider"
    files = tuple(
        changed(file, nodes={provider: {"Conv": 3, "Relu": 2}, "CPUExecutionProvider": {"Gemm": 1}})
        for file in DEVICE.files
    )
    (section,) = device_sections(changed(FULL, devices=(changed(DEVICE, provider=provider, files=files),)))
    assert section.title == "Device: Raspberry Pi 5, XNNPACK"
    nodes = section.tables[-1]
    assert nodes.rows[:2] == (
        ("original", provider, "5", "3 Conv, 2 Relu"),
        ("original", "CPUExecutionProvider", "1", "1 Gemm"),
    )


def test_an_emulator_has_answers_and_no_times():
    emulated = changed(
        DEVICE,
        device=changed(DEVICE.device, emulated="/proc/cpuinfo shows"),
        timings=(),
        warnings=("nothing was timed",),
    )
    (section,) = device_sections(changed(FULL, devices=(emulated,)))
    assert "emulated (/proc/cpuinfo shows)" in section.texts[0]
    assert [table.title for table in section.tables if table.rows] == ["Answers on Raspberry Pi 5"]


def test_names_from_a_device_are_escaped_in_every_document():
    plain = report(latency=(), run=None)  # plots take long
    board = changed(DEVICE.device, board="<script>alert(1)</script>\x1b[31m|x")
    hostile = device_report(plain, device=board)
    documents = render_documents(changed(plain, devices=(hostile,)))
    assert "<script>alert" not in documents["report.html"]
    assert "\x1b" not in "".join(documents.values())
    assert "\\|x" in documents["report.md"]
    in_terminal(report_document(changed(FULL, devices=(hostile,))))


@pytest.fixture(scope="module")
def compared():
    slow = changed(DEVICE, device=changed(DEVICE.device, board="Old board"))
    return compare_reports([("half", changed(FULL, devices=(DEVICE, slow))), ("other", other_run())])


def test_compare_lists_what_devices_measured_apart(compared):
    lines = in_terminal(comparison_document(compared))
    assert "Old board A pruned 5.00 1.80x 1.70 to 1.90 -" in lines
    assert "Raspberry Pi 5 A pruned 2.00 1.80x 1.70 to 1.90 noisy" in lines
    assert [(one.run, one.threads) for one in compared.devices] == [("A", 1), ("A", 4)] * 2


def test_compare_without_devices_says_nothing_of_them():
    document = comparison_document(compare_reports([("half", FULL), ("other", other_run())]))
    assert "Devices" not in [section.title for section in document.shown]
