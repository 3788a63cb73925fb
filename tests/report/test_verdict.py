from dataclasses import replace

import pytest

from compress.report.verdict import headline_latency, state_verdict
from exporters.read.parity import ParityReport
from tests.report.sample import full_report, latency_row, network, report, run_facts, timing


def with_candidate(**changes):
    original, candidate = report().networks
    return report(networks=(original, candidate.model_copy(update=changes)))


def test_the_usual_case_word_for_word():
    verdict = state_verdict(report())
    assert verdict.headline == "pruned against original: squeezenet on fashion-sample, 400 test images, 48 px"
    assert verdict.gained == (
        "file 3.00 MB -> 1.20 MB, 2.50x smaller",
        "MACs 25.0 M -> 12.5 M, 50.0 % kept (asked: 50.0 %)",
        "parameters 728 k -> 290 k, 40.0 % kept",
        "latency 1.50 ms -> 1.00 ms, 1.50x as fast, 1.48 to 1.55 (batch 1, 1 thread)",
    )
    (lost,) = verdict.lost
    assert lost.startswith("Top-1 90.00 % -> 88.75 %, 1.25 points lost, -2.77 to ")
    assert lost.endswith("(no difference shown)")
    assert verdict.caveats == ()


def test_the_headline_is_one_image_on_one_thread():
    timing = headline_latency(report())
    assert (timing.batch_size, timing.threads) == (1, 1)
    assert headline_latency(report(latency=())) is None
    assert not any("latency" in line for line in state_verdict(report(latency=())).gained)


def test_slower_is_a_loss_and_no_difference_is_said():
    slower = state_verdict(report(latency=(latency_row(1, 1, 0.7, 0.75, 0.8),)))
    assert any("0.75x as fast" in line for line in slower.lost)
    same = state_verdict(report(latency=(latency_row(1, 1, 0.97, 1.0, 1.02),)))
    assert any("no difference shown" in line for line in same.gained)


def test_a_gain_is_not_called_points_lost():
    original = report().original
    gained = network("pruned", "candidate", wrong=range(38), file="p.onnx")
    verdict = state_verdict(report(networks=(original, gained)))
    assert verdict.lost == ()
    (line,) = [line for line in verdict.gained if line.startswith("Top-1")]
    assert line.startswith("Top-1 90.00 % -> 90.50 %, 0.50 points better, -0.")
    assert line.endswith("(no difference shown)")


def test_larger_is_a_loss():
    lost = state_verdict(with_candidate(size_bytes=4_500_000, macs=30_000_000, kept_macs=1.2)).lost
    assert "file 3.00 MB -> 4.50 MB, 1.50x larger" in lost
    assert "MACs 25.0 M -> 30.0 M, 120.0 % kept (asked: 50.0 %)" in lost


def test_files_made_from_files_have_a_sentence_each_and_gates_are_kept_or_missed():
    verdict = state_verdict(full_report())
    assert [line.split(":")[0] for line in verdict.others] == ["original int8", "pruned int8", "pruned fp16"]
    assert verdict.others[1] == (
        "pruned int8: 3.50x as fast as original (3.30 to 3.70); 2.30x as fast as pruned (2.20 to 2.50); "
        "Top-1 88.25 %, 1.75 points lost, -2.33 to 5.85 (no difference shown); 330 kB"
    )
    assert [line.split(":")[0] for line in verdict.missed] == ["max-drop"]
    assert [line.split(":")[0] for line in verdict.kept] == ["min-speedup", "max-size-mb"]


def test_a_gate_of_another_row_names_it():
    gate = replace(full_report().gates[0], network="pruned int8")
    assert state_verdict(full_report(gates=(gate,))).missed[0].endswith("missed by 4.26 (pruned int8)")


@pytest.mark.parametrize(("wrong", "kind"), [(range(120), "lost"), (range(2), "gained")])
def test_a_clear_change_of_accuracy(wrong, kind):
    original = report().original
    candidate = network("pruned", "candidate", wrong=wrong, file="p.onnx")
    verdict = state_verdict(report(networks=(original, candidate)))
    (line,) = [line for line in (verdict.lost if kind == "lost" else verdict.gained) if line.startswith("Top-1")]
    assert ("20.00 points lost" if kind == "lost" else "9.50 points better") in line
    assert "no difference" not in line


def test_what_to_keep_in_mind_is_said():
    document = with_candidate(
        epochs=20, parity=ParityReport(images=4, max_abs_difference=0.5, argmax_agreeing=3, tolerance=1e-4)
    )
    document = document.model_copy(
        update={
            "latency": (
                latency_row(1, 1, 1.1, 1.2, 1.3, noisy=True, candidate=timing(1.2, coefficient_of_variation=0.21)),
            ),
            "run": run_facts(
                removal=document.run.removal.model_copy(update={"max_abs_difference": 0.02}),
                budget=document.run.budget.model_copy(update={"note": "align 16 allows no more"}),
            ),
            "notes": ("two images skipped",),
        }
    )
    assert state_verdict(document).caveats == (
        "not trained equally long: original 14 epochs, pruned 20 epochs",
        "pruned: torch and onnxruntime differ by 5.0e-01, more than 1.0e-04",
        "masked and smaller network differ by 2.0e-02, more than 1.0e-04",
        "align 16 allows no more",
        "noisy timing of pruned against original at batch 1, 1 thread: medians of the 10 rounds vary by 21.0 %",
        "two images skipped",
    )
