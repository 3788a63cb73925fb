"""What is said of the timings, against words worked out by hand."""

import pytest

from compress.report.timings import Setting, disturbances, headline_setting, how_timed, timing_at
from tests.report.sample import full_report, latency_row, report, timing


def test_the_headline_is_the_smallest_batch_with_the_fewest_threads():
    assert headline_setting(report()) == Setting(1, 1)
    assert str(Setting(8, 2)) == "batch 8, 2 threads"
    assert headline_setting(report(latency=())) is None


def test_a_timing_of_one_pair_at_one_setting():
    found = timing_at(full_report(), "pruned int8", against="pruned", setting=Setting(1, 1))
    assert found is not None
    assert found.ratio == 2.3
    assert timing_at(full_report(), "pruned int8", against="pruned", setting=Setting(8, 2)) is None
    assert timing_at(full_report(), "pruned int8", against="nobody", setting=Setting(1, 1)) is None


def test_how_it_was_timed_word_for_word():
    rows = (
        latency_row(1, 1, 1.4, 1.5, 1.6, rounds=16, pairs=3000, pairs_used=2990, settling_calls=2),
        latency_row(8, 1, 1.4, 1.5, 1.6, rounds=4, pairs=1000, pairs_used=1000, settling_calls=1),
    )
    assert how_timed(report(latency=rows)) == (
        "How it was timed: both files in turn in random order, 1 to 2 untimed calls of the same file before each timed "
        "one, 4 to 16 rounds of fresh sessions, held on as many cores as there are threads (pinned); 3,990 of 4,000 "
        "pairs used (the others were interrupted by other programs); 95 % bootstrap intervals; differences under 1 % "
        "count as none."
    )
    assert how_timed(report(latency=())) is None


@pytest.mark.parametrize(
    ("pinned", "words"),
    [
        ((True, True), "(pinned);"),
        ((False, False), "not pinned to cores;"),
        ((True, False), "pinned to cores in 1 of 2 measurements;"),
    ],
)
def test_whether_it_was_pinned_is_said(pinned, words):
    rows = [latency_row(batch, 1, 1.4, 1.5, 1.6, pinned=held) for batch, held in zip((1, 8), pinned, strict=True)]
    assert words in how_timed(report(latency=tuple(rows)))


def test_nobody_interrupted_where_all_pairs_are_used():
    row = latency_row(1, 1, 1.4, 1.5, 1.6, pairs=64, pairs_used=64, settling_calls=0, rounds=1)
    said = how_timed(report(latency=(row,)))
    assert "64 of 64 pairs used; 95 %" in said
    assert "0 untimed calls" in said
    assert "1 round of fresh" in said


def test_one_note_lists_what_was_noisy_and_names_the_file():
    unsteady = timing(1.0, coefficient_of_variation=0.21)
    rows = (
        latency_row(1, 1, 1.4, 1.5, 1.6, noisy=True, original=unsteady),
        latency_row(1, 2, 1.4, 1.5, 1.6, noisy=True, candidate=unsteady),
        latency_row(8, 1, 1.4, 1.5, 1.6),
        latency_row(1, 1, 1.4, 1.5, 1.6, other="pruned int8", noisy=True, candidate=unsteady),
    )
    assert list(disturbances(full_report(latency=rows))) == [
        "noisy timing (medians differ from round to round): pruned against original at batch 1, 1 thread (original "
        "varies by 21.0 %) and batch 1, 2 threads (pruned varies by 21.0 %); pruned int8 against original at batch 1, "
        "1 thread (pruned int8 varies by 21.0 %)"
    ]


def test_many_noisy_timings_are_counted_and_the_worst_is_named():
    worst = timing(1.0, coefficient_of_variation=3.278)
    rows = (
        latency_row(1, 1, 1.4, 1.5, 1.6, noisy=True, original=worst),
        *(latency_row(batch, 2, 1.4, 1.5, 1.6, noisy=True) for batch in (1, 4, 8)),
        latency_row(8, 1, 1.4, 1.5, 1.6),
    )
    assert list(disturbances(full_report(latency=rows))) == [
        "noisy timing (medians differ from round to round): 4 of 5 measurements, marked in the latency tables; most of "
        "all pruned against original at batch 1, 1 thread (original varies by 327.8 %)"
    ]


def test_what_was_cut_short_is_said():
    row = latency_row(1, 1, 1.4, 1.5, 1.6, cut_short=True, rounds=4, pairs=12, pairs_used=12)
    assert list(disturbances(report(latency=(row,)))) == [
        "timing was cut short, its time was over: pruned against original at batch 1, 1 thread (4 rounds, 12 pairs)"
    ]
    assert list(disturbances(report())) == []
