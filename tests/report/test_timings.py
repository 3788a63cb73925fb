"""Which timing is the headline and how timings are described, against words worked out by hand."""

import pytest

from compress.report.network_tables import series_numbers
from compress.report.run_plots import relative_times
from compress.report.timings import Setting, disturbances, headline_latency, headline_setting, how_timed, timing_at
from tests.report.sample import full_report, latency_row, report, timing


def row(batch_size: int, threads: int, **changes):
    return latency_row(batch_size, threads, 1.4, 1.5, 1.6, **changes)


def test_the_headline_is_the_smallest_batch_with_the_fewest_threads():
    assert headline_setting(report()) == Setting(1, 1)
    assert headline_latency(report()).ratio == 1.5
    assert str(Setting(8, 2)) == "batch 8, 2 threads"
    assert headline_setting(report(latency=())) is headline_latency(report(latency=())) is None


def test_a_timing_of_one_pair_at_one_setting():
    document = full_report()
    assert timing_at(document, "pruned int8", against="pruned", setting=Setting(1, 1)).ratio == 2.3
    for against, setting in (("pruned", Setting(8, 2)), ("nobody", Setting(1, 1))):
        assert timing_at(document, "pruned int8", against=against, setting=setting) is None


def test_in_plots_times_are_percent_of_the_originals_and_the_first_two_networks_have_the_first_colours():
    timed = full_report(
        latency=(
            latency_row(1, 1, 2.2, 2.3, 2.5, against="pruned", other="pruned int8", before=1.1, after=0.5),
            latency_row(1, 1, 3.2, 4.0, 5.0, other="pruned int8", before=1.5, after=0.4),
            row(8, 1, before=9, after=6),
        )
    )
    assert relative_times(timed, Setting(1, 1)) == {"original": (100, 100, 100), "pruned int8": (25, 20, 31.25)}
    assert series_numbers(timed) == {
        "original": 0, "pruned": 1, "original int8": 2, "pruned int8": 3, "pruned fp16": 4,
    }  # fmt: skip


def test_how_it_was_timed_word_for_word():
    rows = (row(1, 1, rounds=16, pairs=3000, pairs_used=2990),
            row(8, 1, rounds=4, pairs=1000, pairs_used=1000, settling_calls=1))  # fmt: skip
    assert how_timed(report(latency=rows)) == (
        "How it was timed: both files in turn in random order, 1 to 2 untimed calls of the same file before each timed "
        "one, 4 to 16 rounds of fresh sessions, held on as many cores as there are threads (pinned); 3,990 of 4,000 "
        "pairs used (the others were interrupted by other programs); 95 % bootstrap intervals; differences under 1 % "
        "count as none."
    )
    assert how_timed(report(latency=())) is None


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row(1, 1), row(8, 1)], ["(pinned);"]),
        ([row(1, 1, pinned=False), row(8, 1, pinned=False)], ["not pinned to cores;"]),
        ([row(1, 1), row(8, 1, pinned=False)], ["pinned to cores in 1 of 2 measurements;"]),
        ([row(1, 1, pairs=64, pairs_used=64, settling_calls=0, rounds=1)],
         ["64 of 64 pairs used; 95 %", "0 untimed calls", "1 round of fresh"]),
    ],
    ids=["pinned", "not pinned", "partly pinned", "not interrupted"],
)  # fmt: skip
def test_how_it_was_timed_in_other_cases(rows, words):
    text = how_timed(report(latency=tuple(rows)))
    assert all(each in text for each in words)


NOISY = "noisy timing (medians differ from round to round): "
UNSTEADY, WORST = (timing(1.0, coefficient_of_variation=share) for share in (0.21, 3.278))


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        ([row(1, 1)], []),
        (
            [row(1, 1, noisy=True, original=UNSTEADY), row(1, 2, noisy=True, candidate=UNSTEADY), row(8, 1),
             row(1, 1, other="pruned int8", noisy=True, candidate=UNSTEADY)],
            [NOISY + "pruned against original at batch 1, 1 thread (original varies by 21.0 %) and batch 1, 2 threads "
             "(pruned varies by 21.0 %); pruned int8 against original at batch 1, 1 thread (pruned int8 varies by "
             "21.0 %)"],
        ),
        (
            [row(1, 1, noisy=True, original=WORST), *(row(batch, 2, noisy=True) for batch in (1, 4, 8)), row(8, 1)],
            [NOISY + "4 of 5 measurements, marked in the latency tables; most of all pruned against original at "
             "batch 1, 1 thread (original varies by 327.8 %)"],
        ),
        (
            [row(1, 1, cut_short=True, rounds=4, pairs=12, pairs_used=12)],
            ["timing was cut short, its time was over: pruned against original at batch 1, 1 thread (4 rounds, 12 "
             "pairs)"],
        ),
    ],
    ids=["none", "listed", "counted", "cut short"],
)  # fmt: skip
def test_notes_on_disturbed_timings(rows, notes):
    assert list(disturbances(full_report(latency=tuple(rows)))) == notes
