import pytest

from compress.report.verdict import headline_latency, state_verdict
from exporters.parity import ParityReport
from tests.report.sample import latency, network, report


def with_candidate(**changes):
    original, candidate = report().networks
    return report(networks=(original, candidate.model_copy(update=changes)))


def test_the_usual_case_word_for_word():
    verdict = state_verdict(report())
    assert verdict.headline == "pruned against original: squeezenet on fashion-sample, 400 test images of 48 x 48 px"
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
    slower = state_verdict(report(latency=(latency(1, 1, 0.7, 0.75, 0.8),)))
    assert any("0.75x as fast" in line for line in slower.lost)
    same = state_verdict(report(latency=(latency(1, 1, 0.97, 1.0, 1.02),)))
    assert any("no difference shown" in line for line in same.gained)


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
            "latency": (latency(1, 1, 1.1, 1.2, 1.3, noisy=True, coefficient_of_variation=0.21),),
            "removal": document.removal.model_copy(update={"max_abs_difference": 0.02}),
            "budget": document.budget.model_copy(update={"note": "align 16 allows no more"}),
            "notes": ("two images skipped",),
        }
    )
    assert state_verdict(document).caveats == (
        "not trained equally long: original 14 epochs, pruned 20 epochs",
        "pruned: torch and onnxruntime differ by 5.0e-01, more than 1.0e-04",
        "masked and smaller network differ by 2.0e-02, more than 1.0e-04",
        "noisy timing at batch 1, 1 thread: medians of the 10 rounds vary by 21.0 %",
        "align 16 allows no more",
        "two images skipped",
    )
