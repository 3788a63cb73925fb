"""Another execution provider than the CPU: what of a file runs there, and what the report says of it."""

from dataclasses import replace

import onnxruntime
import pytest

from compress.errors import UsageError
from compress.report.results import Placement
from compress.settings.verify import UserOverrides, VerifySettings
from compress.verdict.classify import placement_notes
from compress.verdict.verify import verify_files
from tests.exporters.onnx_files import classifier, save
from tests.report.sample import changed, report
from tests.verdict.conftest import GREY

CPU, OPENVINO, AZURE = (f"{name}ExecutionProvider" for name in ("CPU", "OpenVINO", "Azure"))
HALF = UserOverrides(mean=(0.5,), std=(0.5,))
BRIEFLY = VerifySettings(batch_sizes=(1,), threads=(1,), seconds=0.01)


@pytest.mark.parametrize(
    ("nodes", "same", "notes"),
    [
        ({OPENVINO: {"OpenVINO-EP-subgraph": 1}}, 360, []),
        ({OPENVINO: {"Conv": 6}, CPU: {"Gemm": 1, "Relu": 2}}, 400,
         ["3 nodes of pruned ran on the CPU, not on OpenVINO: 1 Gemm, 2 Relu"]),
        ({CPU: {"Conv": 2}}, 400, ["no node of pruned ran on OpenVINO: its times are the CPU's"]),
        ({OPENVINO: {"Conv": 2}}, 359,
         ["pruned gives another class on OpenVINO than on the CPU for 41 of 400 test images"]),
    ],
    ids=["as on the CPU", "some fell back", "all fell back", "other answers"],
)  # fmt: skip
def test_nodes_that_fell_back_and_other_answers_are_noted(nodes, same, notes):
    row = changed(report().candidate, placement=Placement(nodes, same_class=same))
    assert list(placement_notes([report().original, row], OPENVINO)) == notes


@pytest.mark.skipif(AZURE not in onnxruntime.get_available_providers(), reason="this onnxruntime has the CPU alone")
def test_everything_is_measured_on_the_provider_and_said(tmp_path, load):
    """Azure's provider, which the usual package has, runs operators of its own alone: all nodes fall back."""
    paths = [save(classifier(replace(GREY, seed=n)), tmp_path / f"{n}.onnx") for n in (0, 1)]
    found = verify_files(*paths, load, changed(BRIEFLY, provider="azure"), overrides=HALF)
    assert found.provider == found.session["provider"] == AZURE
    for row in found.networks:
        assert row.placement.nodes.keys() == {CPU}
        assert row.placement.nodes[CPU]["Conv"] == 1
        assert row.placement.same_class == row.accuracy.images
    assert [note for note in found.notes if note.startswith("no node of 1.onnx ran on Azure")]
    assert len(found.latency) == 1
    assert found.operators is None


def test_an_absent_provider_is_refused_before_a_file_is_opened(tmp_path, load):
    with pytest.raises(UsageError, match="this onnxruntime has"):
        verify_files(tmp_path / "a.onnx", tmp_path / "b.onnx", load, changed(BRIEFLY, provider="abacus"))
