"""``compress verify`` on a finished run, through the real command line."""

import shutil

import pytest
from onnxruntime import get_available_providers

from compress.report.model import parse_report
from compress.runs import RunFolder
from tests.helpers.command import compress
from tests.helpers.runs import flip_a_bit

QUICK = ("--batch-sizes", "1", "--threads", "1", "--quiet")


def test_a_run_is_measured_again_from_its_files_alone(run):
    before = parse_report((run / "report.json").read_text(), source="before")
    gates = ("--max-drop", 100, "--max-size-mb", 100, "--max-macs", "1G")
    done = compress("verify", run, *QUICK, *gates, "--json")
    assert done.returncode == 0, done.stderr
    after = parse_report(done.stdout, source="stdout")
    assert after == parse_report((run / "report.json").read_text(), source="after")
    assert [gate.gate for gate in after.gates] == ["max-drop", "max-size-mb", "max-macs"]
    for old, new in zip(before.networks, after.networks, strict=True):
        for field in ("accuracy", "drop", "comparison", "sha256"):
            assert getattr(new, field) == getattr(old, field)
        assert new.parity.passed
    assert len(after.latency) == 1
    assert after.run.training.keys() == {"01_baseline", "02_original", "03_push", "05_finetune"}
    assert after.created in (run / "report.html").read_text()
    assert "MODEL_CARD.md" in (run / "MANIFEST.sha256").read_text()


def test_with_other_folders_the_run_is_only_read_and_missed_gates_are_named(run, images, tmp_path):
    """Images that have moved, reports that go elsewhere, and one JSON document although gates are missed."""
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    moved = shutil.copytree(images, tmp_path / images.name)
    gates = ("--min-speedup", 1000, "--max-macs", 1000, "--max-drop", 100, "--max-size-mb", 0.001)
    flags = (*QUICK, "--dataset", moved, "--out", tmp_path / "out", *gates, "--json")
    missed = compress("verify", run, *flags)
    assert missed.returncode == 3
    report = parse_report(missed.stdout, source="stdout")
    assert {gate.gate: gate.passed for gate in report.gates} == {
        "max-drop": True, "min-speedup": False, "max-size-mb": False, "max-macs": False,
    }  # fmt: skip
    assert all((f"{gate.gate}: " in missed.stderr) != gate.passed for gate in report.gates)
    assert "missed by" in missed.stderr
    assert report == parse_report((tmp_path / "out/report.json").read_text(), source="report.json")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.json", "report.md", "report.html", "MODEL_CARD.md",
    }  # fmt: skip
    again = compress("verify", run, *flags)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_the_reports_of_a_run_stay_those_of_the_cpu(run):
    if "AzureExecutionProvider" not in get_available_providers():
        pytest.skip("this onnxruntime has the CPU alone")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = compress("verify", run, "--batch-sizes", "1", "--threads", "1", "--provider", "azure")
    assert done.returncode == 0, done.stderr
    assert "measured on Azure" in done.stdout
    assert "stay those of the CPU; --out FOLDER writes these" in " ".join(done.stderr.split())
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_changed_files_and_other_images_are_refused(run, images, tmp_path):
    def refused(message, *flags) -> None:
        done = compress("verify", run, *QUICK, *flags)
        assert done.returncode == 4
        assert message in done.stderr

    other = shutil.copytree(images, tmp_path / "other")
    next((other / "test/dark").glob("*.png")).unlink()
    refused("are not those this run began with", "--dataset", other)
    with RunFolder.open(run) as folder:  # as an export leaves it that was killed between the file and its record
        folder.write_bytes("artifacts/pruned.onnx", (run / "artifacts/original.onnx").read_bytes())
    refused("is not the file on record for pruned")
    for rel in ("artifacts/pruned.onnx", "02_original/weights.safetensors", "04_remove/plan.json"):
        flip_a_bit(run / rel)
        refused(f"{rel} was changed or damaged")
        flip_a_bit(run / rel)


FILES = ("--original", "a.onnx", "--candidate", "b.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected a run folder"),
        (("--original", "a.onnx"), "give --candidate, --dataset too"),
        (FILES, "give --dataset too"),
        (("runs/x", "--max-drop", "nan"), "expected a finite number"),
        (("runs/x", "--batch-sizes", "1,²"), "expected numbers from 1"),
        (("runs/x", "--threads", "9" * 5000), "expected numbers from 1"),
        (("runs/x", "--provider", "abacus"), "got 'abacus'"),
    ],
)
def test_wrong_usage(arguments, message):
    done = compress("verify", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
