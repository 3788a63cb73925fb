import pytest

from exporters.device.doubts import clock_warnings, slowed_down, timing_warnings
from exporters.device.machine import State
from exporters.device.timing import PairTiming
from tests.report.sample import latency_row, timing

CALM = State(("performance",), 2400.0, 2400.0, 50.0, 0)


def state(**changes) -> State:
    return State(**vars(CALM) | changes)


def paired(**changes) -> PairTiming:
    return PairTiming("original", "pruned", latency_row(1, 4, 1.4, 1.5, 1.6, **changes).comparison)


def test_a_calm_device_gives_no_warning():
    assert list(clock_warnings(CALM, CALM)) == []
    assert list(clock_warnings(State((), None, None, None, None), State((), None, None, None, None))) == []
    assert list(timing_warnings([paired()])) == []


def test_governor_throttling_and_a_lower_clock_are_named():
    after = state(governors=("ondemand", "performance"), throttled=3, frequency_mhz=1500.0)
    governor, throttled, clock = clock_warnings(CALM, after)
    assert governor.startswith("the governor is ondemand:")
    assert "from 0 to 3" in throttled
    assert clock == "the clock fell from 2400 to 1500 MHz"


def test_slower_calls_at_the_end_are_a_warning():
    samples = (1.0,) * 30 + (1.25,) * 10
    assert slowed_down(samples) == pytest.approx(1.25)
    (warning,) = timing_warnings([paired(original=timing(1.0, sample_ms=samples))])
    assert warning == (
        "pruned against original, batch 1, threads 4: slower at the end than at the beginning, throttling? "
        "(calls took 1.25 times as long)"
    )


def test_noise_lack_of_time_and_cores_are_named_with_the_worst():
    worst = paired(noisy=True, cut_short=True, pinned=False, original=timing(1.0, coefficient_of_variation=0.3))
    other = paired(noisy=True, original=timing(1.0, coefficient_of_variation=0.2))
    noisy, short, cores = timing_warnings([other, worst, other])
    assert noisy.endswith("noisy (medians of rounds vary by 30%); so are 2 others")
    assert short.endswith("cut short, try more --seconds (700 pairs)")
    assert cores.startswith("not held on cores")
