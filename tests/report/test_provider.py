"""A report of another execution provider than the CPU says so beside its times, in every format."""

from compress.report.compare.assemble import compare_reports
from compress.report.documents import render_documents, report_document
from compress.report.model import parse_report
from compress.report.results import Placement
from compress.report.terminal import render_text
from compress.report.verdict_section import headline, state_verdict
from tests.report.compare.runs import other_run
from tests.report.sample import changed, report

OPENVINO = "OpenVINOExecutionProvider"
NODES = {OPENVINO: {"Conv": 26, "MaxPool": 3}, "CPUExecutionProvider": {"ArgMax": 1}}
SESSION = report().session | {"provider": OPENVINO}
PLACED = report(
    session=SESSION,
    networks=[changed(row, placement=Placement(NODES, same_class=399)) for row in report().networks],
)


def test_the_verdict_names_the_provider():
    assert headline(PLACED) == "squeezenet on fashion-sample, 400 test images, 48 px, measured on OpenVINO"
    (gained,) = [one.sentences for one in state_verdict(PLACED) if one.label == "gained"]
    assert gained[-1] == "latency 1.50 ms -> 1.00 ms, 1.50x as fast, 1.48 to 1.55 (batch 1, 1 thread, OpenVINO)"


def test_every_format_counts_the_nodes_by_operator():
    documents = render_documents(PLACED)
    assert parse_report(documents["report.json"], source="a test").candidate.placement.nodes == NODES
    assert "26 Conv, 3 MaxPool" in documents["report.html"]
    assert "| pruned | CPUExecutionProvider | 1 | 1 ArgMax |" in documents["report.md"]
    shown = [" ".join(line.split()) for line in render_text(report_document(PLACED)).splitlines()]
    assert "original OpenVINOExecutionProvider 29 26 Conv, 3 MaxPool" in shown
    assert "median ms per call on OpenVINO" in " ".join(shown)


def test_on_the_cpu_nothing_is_added():
    text = render_text(report_document(report()))
    assert "OpenVINO" not in text
    assert "Where the nodes ran" not in text


def test_a_comparison_names_the_provider_that_all_have():
    sources = [("one", PLACED), ("two", changed(other_run(), session=SESSION))]
    notes = compare_reports(sources, force=True).notes
    assert "Answers and times of another execution provider than the CPU: A OpenVINO, B OpenVINO." in notes
