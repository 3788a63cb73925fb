import pytest

from compress.report.results import AccuracyDrop
from compress.report.verdict_section import UNSHOWN, change_words, headline, state_verdict
from exporters.read.logits import ParityReport
from tests.report.sample import changed, full_report, latency_row, network, report, run_facts, timing, with_candidate

FILE = "file 3.00 MB -> 1.20 MB, 2.50x smaller"
MACS = "MACs 25.0 M -> 12.5 M, 50.0 % kept (asked: 50.0 %)"
PARAMETERS = "parameters 728 k -> 290 k, 40.0 % kept"
TOP1 = "Top-1 90.00 % -> 88.75 %, 1.25 points lost (2.77 gained to 5.29 lost), 5 more of 400 images wrong"
TIMES, SETTING = "latency 1.50 ms -> 1.00 ms", "(batch 1, 1 thread)"
LATENCY = f"{TIMES}, 1.50x as fast, 1.48 to 1.55 {SETTING}"


def verdict_of(document) -> dict[str, tuple[str, ...]]:
    """Label -> sentences."""
    return {part.label: part.sentences for part in state_verdict(document)}


def timed(low: float, ratio: float, high: float, **changes):
    return report(latency=(latency_row(1, 1, low, ratio, high),), **changes)


def answering(wrong: range):
    """A report whose candidate is wrong on these of 400 images."""
    return report(networks=(report().original, network("pruned", "candidate", wrong=wrong, file="p.onnx")))


def unchanged():
    original, candidate = report().networks
    none = changed(candidate.drop, points=0.0, low=-1.0, high=1.0, only_original_right=3, only_candidate_right=3)
    return timed(0.98, 1.0, 1.02, networks=(original, changed(original, label="pruned", role="candidate", drop=none)))


@pytest.mark.parametrize(
    ("document", "gained", "lost", "unshown"),
    [
        (report(), [FILE, MACS, PARAMETERS, LATENCY], [], [TOP1]),
        (report(latency=()), [FILE, MACS, PARAMETERS], [], [TOP1]),
        (timed(0.7, 0.75, 0.8), [FILE, MACS, PARAMETERS],
         [f"{TIMES}, 0.75x as fast, 0.70 to 0.80 {SETTING}"], [TOP1]),
        (timed(0.97, 1.0, 1.02), [FILE, MACS, PARAMETERS], [],
         [TOP1, f"{TIMES}, 1.00x as fast, 0.97 to 1.02 {SETTING}"]),
        (with_candidate(size_bytes=4_500_000, macs=30_000_000, kept_macs=1.2), [PARAMETERS, LATENCY],
         ["file 3.00 MB -> 4.50 MB, 1.50x larger", "MACs 25.0 M -> 30.0 M, 120.0 % kept (asked: 50.0 %)"], [TOP1]),
        (answering(range(38)), [FILE, MACS, PARAMETERS, LATENCY], [],
         ["Top-1 90.00 % -> 90.50 %, 0.50 points gained (1.68 gained to 0.60 lost), 2 fewer of 400 images wrong"]),
        (answering(range(2)),
         [FILE, MACS, PARAMETERS,
          "Top-1 90.00 % -> 99.50 %, 9.50 points gained (6.80 to 12.79), 38 fewer of 400 images wrong", LATENCY],
         [], []),
        (answering(range(120)), [FILE, MACS, PARAMETERS, LATENCY],
         ["Top-1 90.00 % -> 70.00 %, 20.00 points lost (16.10 to 24.05), 80 more of 400 images wrong"], []),
        (unchanged(), [], [], [
            "file 3.00 MB -> 3.00 MB, the same size",
            "MACs 25.0 M -> 25.0 M, 100.0 % kept (asked: 50.0 %)",
            "parameters 728 k -> 728 k, 100.0 % kept",
            "Top-1 90.00 % -> 90.00 %, unchanged (1.00 gained to 1.00 lost), as many of 400 images wrong",
            f"{TIMES}, 1.00x as fast, 0.98 to 1.02 {SETTING}",
        ]),
    ],
    ids=["usual", "not timed", "slower", "as fast", "larger", "better", "clearly better", "clearly worse", "unchanged"],
)  # fmt: skip
def test_what_is_gained_and_lost_word_for_word(document, gained, lost, unshown):
    expected = {"gained": tuple(gained), "lost": tuple(lost), UNSHOWN: tuple(unshown)}
    assert verdict_of(document) == {label: sentences for label, sentences in expected.items() if sentences}
    assert headline(document) == "squeezenet on fashion-sample, 400 test images, 48 px"


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


def test_files_made_from_files_have_a_sentence_each_and_gates_are_kept_or_missed():
    verdict = verdict_of(full_report())
    assert list(verdict) == ["FAILED", "passed", "gained", UNSHOWN, "also", "note"]
    first, *others = verdict["also"]
    assert first.startswith("original int8: ")
    assert others[0] == (
        "pruned int8: 3.50x as fast as original (3.30 to 3.70), 2.30x as fast as pruned (2.20 to 2.50), at batch 1, "
        "1 thread; Top-1 88.25 %, 1.75 points lost against original (2.33 gained to 5.85 lost, no difference shown), "
        "0.50 points lost against pruned (0.58 gained to 1.65 lost, no difference shown); 330 kB"
    )
    assert others[1].startswith(
        "pruned fp16: 0.98x as fast as original (0.97 to 0.99, no difference shown, noisy), at batch 1, 1 thread; "
    )
    assert [line.split(":")[0] for line in verdict["FAILED"]] == ["max-drop"]
    assert [line.split(":")[0] for line in verdict["passed"]] == ["min-speedup", "max-size-mb"]
    of_another_row = changed(full_report().gates[0], network="pruned int8")
    assert verdict_of(full_report(gates=(of_another_row,)))["FAILED"][0].endswith("missed by 4.26 (pruned int8)")


def test_what_to_keep_in_mind_is_noted():
    parity = ParityReport(images=4, max_abs_difference=0.5, argmax_agreeing=3, tolerance=1e-4)
    document = report(
        networks=with_candidate(epochs=20, parity=parity).networks,
        latency=(latency_row(1, 1, 1.1, 1.2, 1.3, noisy=True, candidate=timing(1.2, coefficient_of_variation=0.21)),),
        run=run_facts(
            removal=changed(run_facts().removal, max_abs_difference=0.02),
            budget=changed(run_facts().budget, note="align 16 allows no more"),
        ),
        notes=("two images skipped",),
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
