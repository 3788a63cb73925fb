from dataclasses import replace

import pytest

from compress.report.results import AccuracyDrop
from compress.report.timings import headline_latency
from compress.report.verdict_section import UNSHOWN, change_words, headline, state_verdict
from exporters.read.parity import ParityReport
from tests.report.sample import full_report, latency_row, network, report, run_facts, timing


def verdict_of(document) -> dict[str, tuple[str, ...]]:
    """Label -> sentences; nothing for a label that is not there."""
    labels = dict.fromkeys(("FAILED", "passed", "gained", "lost", UNSHOWN, "also", "note"), ())
    return labels | {part.label: part.sentences for part in state_verdict(document)}


def with_candidate(**changes):
    original, candidate = report().networks
    return report(networks=(original, candidate.model_copy(update=changes)))


def test_the_usual_case_word_for_word():
    verdict = verdict_of(report())
    assert headline(report()) == "squeezenet on fashion-sample, 400 test images, 48 px"
    assert verdict["gained"] == (
        "file 3.00 MB -> 1.20 MB, 2.50x smaller",
        "MACs 25.0 M -> 12.5 M, 50.0 % kept (asked: 50.0 %)",
        "parameters 728 k -> 290 k, 40.0 % kept",
        "latency 1.50 ms -> 1.00 ms, 1.50x as fast, 1.48 to 1.55 (batch 1, 1 thread)",
    )
    assert verdict["lost"] == ()
    assert verdict[UNSHOWN] == (
        "Top-1 90.00 % -> 88.75 %, 1.25 points lost (2.77 gained to 5.29 lost), 5 more of 400 images wrong",
    )
    assert verdict["note"] == ()


def test_the_headline_is_one_image_on_one_thread():
    timing = headline_latency(report())
    assert (timing.batch_size, timing.threads) == (1, 1)
    assert headline_latency(report(latency=())) is None
    assert not any("latency" in line for line in verdict_of(report(latency=()))["gained"])


def test_slower_is_a_loss_and_no_difference_is_said():
    slower = verdict_of(report(latency=(latency_row(1, 1, 0.7, 0.75, 0.8),)))
    assert any("0.75x as fast" in line for line in slower["lost"])
    same = verdict_of(report(latency=(latency_row(1, 1, 0.97, 1.0, 1.02),)))
    assert [line.split()[0] for line in same[UNSHOWN]] == ["Top-1", "latency"]
    assert not any("latency" in line for line in same["gained"] + same["lost"])


def test_a_gain_is_not_called_points_lost():
    original = report().original
    gained = network("pruned", "candidate", wrong=range(38), file="p.onnx")
    verdict = verdict_of(report(networks=(original, gained)))
    assert verdict["lost"] == ()
    (line,) = verdict[UNSHOWN]
    assert line.startswith("Top-1 90.00 % -> 90.50 %, 0.50 points gained (")
    assert line.endswith(" lost), 2 fewer of 400 images wrong")


def test_no_change_at_all_is_neither_gained_nor_lost():
    original = report().original
    equal = original.model_copy(update={"label": "pruned", "role": "candidate", "drop": report().candidate.drop})
    none = replace(equal.drop, points=0.0, low=-1.0, high=1.0, only_original_right=3, only_candidate_right=3)
    same = (latency_row(1, 1, 0.98, 1.0, 1.02),)
    verdict = verdict_of(report(networks=(original, equal.model_copy(update={"drop": none})), latency=same))
    assert (verdict["gained"], verdict["lost"]) == ((), ())
    assert verdict[UNSHOWN] == (
        "file 3.00 MB -> 3.00 MB, the same size",
        "MACs 25.0 M -> 25.0 M, 100.0 % kept (asked: 50.0 %)",
        "parameters 728 k -> 728 k, 100.0 % kept",
        "Top-1 90.00 % -> 90.00 %, unchanged (1.00 gained to 1.00 lost), as many of 400 images wrong",
        "latency 1.50 ms -> 1.00 ms, 1.00x as fast, 0.98 to 1.02 (batch 1, 1 thread)",
    )


@pytest.mark.parametrize(
    ("points", "low", "high", "words"),
    [
        (0.725, 0.128, 1.327, "0.725 points lost (0.13 to 1.33)"),
        (-2.0, -3.5, -0.5, "2.00 points gained (0.50 to 3.50)"),
        (0.5, 0.0, 1.0, "0.50 points lost (0.00 to 1.00)"),
        (-0.125, -0.34, 0.08, "0.125 points gained (0.34 gained to 0.08 lost)"),
    ],
)
def test_a_change_in_words(points, low, high, words):
    drop = AccuracyDrop(points, low, high, 0, 0, 4000)
    assert change_words(drop) == words
    unshown = ", no difference shown)" if low <= 0 <= high else ")"
    assert change_words(drop, against="it") == words.replace(" (", " against it (").replace(")", unshown)


def test_larger_is_a_loss():
    lost = verdict_of(with_candidate(size_bytes=4_500_000, macs=30_000_000, kept_macs=1.2))["lost"]
    assert "file 3.00 MB -> 4.50 MB, 1.50x larger" in lost
    assert "MACs 25.0 M -> 30.0 M, 120.0 % kept (asked: 50.0 %)" in lost


def test_files_made_from_files_have_a_sentence_each_and_gates_are_kept_or_missed():
    verdict = verdict_of(full_report())
    assert [line.split(":")[0] for line in verdict["also"]] == ["original int8", "pruned int8", "pruned fp16"]
    assert verdict["also"][1] == (
        "pruned int8: 3.50x as fast as original (3.30 to 3.70), 2.30x as fast as pruned (2.20 to 2.50), at batch 1, "
        "1 thread; Top-1 88.25 %, 1.75 points lost against original (2.33 gained to 5.85 lost, no difference shown), "
        "0.50 points lost against pruned (0.58 gained to 1.65 lost, no difference shown); 330 kB"
    )
    assert verdict["also"][2].startswith(
        "pruned fp16: 0.98x as fast as original (0.97 to 0.99, no difference shown, noisy), at batch 1, 1 thread; "
    )
    assert [line.split(":")[0] for line in verdict["FAILED"]] == ["max-drop"]
    assert [line.split(":")[0] for line in verdict["passed"]] == ["min-speedup", "max-size-mb"]


def test_a_gate_of_another_row_names_it():
    gate = replace(full_report().gates[0], network="pruned int8")
    assert verdict_of(full_report(gates=(gate,)))["FAILED"][0].endswith("missed by 4.26 (pruned int8)")


@pytest.mark.parametrize(("wrong", "kind"), [(range(120), "lost"), (range(2), "gained")])
def test_a_clear_change_of_accuracy(wrong, kind):
    original = report().original
    candidate = network("pruned", "candidate", wrong=wrong, file="p.onnx")
    verdict = verdict_of(report(networks=(original, candidate)))
    (line,) = [line for line in (verdict["lost"] if kind == "lost" else verdict["gained"]) if line.startswith("Top-1")]
    assert ("20.00 points lost" if kind == "lost" else "9.50 points gained") in line
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
    assert verdict_of(document)["note"] == (
        "not trained equally long: original 14 epochs, pruned 20 epochs",
        "pruned: torch and onnxruntime differ by 5.0e-01, more than 1.0e-04",
        "masked and smaller network differ by 2.0e-02, more than 1.0e-04",
        "align 16 allows no more",
        "noisy timing (medians differ from round to round): pruned against original at batch 1, 1 thread "
        "(pruned varies by 21.0 %)",
        "two images skipped",
    )
