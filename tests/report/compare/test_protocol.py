import pytest

from compress.report.compare.protocol import UNSTATED, Difference, differences, protocol_of
from tests.report.compare.runs import CPU, on_machine
from tests.report.sample import latency_row, report


def test_by_hand():
    assert protocol_of(report(environment=on_machine("Some CPU"))) == {
        "data": "400 test images, sha256 eeeeeeeeeeeeeeee",
        "processor": "Some CPU",
        "instruction sets": "avx2",
        "cores": "2",
        "threads": "1, 2",
        "onnxruntime": "1.27.0",
        "session, provider": "CPUExecutionProvider",
        "session, graph optimisation": "all",
        "session, spinning": "stopped",
    }


@pytest.mark.parametrize("environment", [{}, {"cpu": None, "packages": []}, {"cpu": {"isa": []}, "packages": {}}])
def test_facts_that_a_report_does_not_state(environment):
    protocol = protocol_of(report(environment=environment, latency=()))
    assert (protocol["processor"], protocol["onnxruntime"]) == (UNSTATED, UNSTATED)
    assert protocol["threads"] == "latency was not measured"


def test_networks_names_and_dates_do_not_count():
    other_seed = {"fingerprint": "0" * 64}  # holds out other images to validate
    data = report().data.model_copy(update={"name": "renamed", "image_size": 64, "train": 5} | other_seed)
    other = report(name="x", created="2027-01-01T00:00:00+00:00", data=data, notes=("n",), run=None)
    assert protocol_of(other) == protocol_of(report())


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"data": report().data.model_copy(update={"test_fingerprint": "0" * 64})}, "data"),
        ({"environment": on_machine("Other CPU")}, "processor"),
        ({"environment": on_machine("Some CPU", onnxruntime="1.26.0")}, "onnxruntime"),
        ({"environment": {"cpu": CPU | {"cores": 4}, "packages": {"onnxruntime": "1.27.0"}}}, "cores"),
        (
            {"environment": {"cpu": CPU | {"isa": ["avx2", "avx512_vnni"]}, "packages": {"onnxruntime": "1.27.0"}}},
            "instruction sets",
        ),
        ({"latency": (latency_row(1, 1, 1.48, 1.5, 1.55), latency_row(1, 4, 1.48, 1.5, 1.55))}, "threads"),
        ({"session": report().session | {"spinning": "on"}}, "session, spinning"),
        ({"session": report().session | {"arena": "off"}}, "session, arena"),
    ],
)
def test_each_fact_alone_makes_a_difference(changes, fact):
    base = {"environment": on_machine("Some CPU")}
    found = differences({"A": protocol_of(report(**base)), "B": protocol_of(report(**base | changes))})
    assert [difference.fact for difference in found] == [fact]


def test_a_difference_has_the_values_of_all():
    found = differences({"A": {"x": "1", "y": "0"}, "B": {"x": "2", "y": "0"}, "C": {"y": "0"}})
    assert found == (Difference(fact="x", values={"A": "1", "B": "2", "C": UNSTATED}),)
