"""Speed and time left, with a clock that is turned by hand."""

import pytest

from compress.run.eta import Meter, RunClock, duration, expected_work
from compress.runs import STAGES
from compress.runs.decide import decide
from compress.settings.config import RunConfig


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_resumed_stage_is_not_taken_for_a_fast_one():
    clock = Clock()
    meter = Meter(100, clock)
    clock.now += 2
    meter.add(51, images=10)
    assert meter.seconds_left() == pytest.approx(49 * 2)
    assert meter.images_per_second() == pytest.approx(5)


def test_speed_is_that_of_the_last_seconds():
    clock = Clock()
    meter = Meter(200, clock)
    for done in range(1, 101):
        clock.now += 1 if done <= 50 else 2
        meter.add(done, images=10)
    assert meter.images_per_second() == pytest.approx(5)
    assert meter.seconds_left() == pytest.approx(200)


def test_nothing_is_made_up_before_the_first_step():
    meter = Meter(0, Clock())
    assert meter.seconds_left() is None
    assert meter.images_per_second() is None


def test_the_run_takes_as_much_longer_as_its_stages_did():
    run = RunClock({"a": 2.0, "b": 1.0, "c": 3.0})
    assert run.seconds_left("a", elapsed=10, left=10) == pytest.approx(10 + 4 * 10)
    run.finished("a", 40)  # twice as long as it looked
    assert run.seconds_left("b", elapsed=10, left=10) == pytest.approx(10 + 3 * 20)
    assert run.seconds_left("c", elapsed=10, left=0) == pytest.approx(0)
    assert run.seconds_left("unknown", elapsed=10, left=0) is None


def test_nothing_is_told_of_a_run_that_begins_with_no_work():
    assert RunClock({"a": 0.0, "b": 1.0}).seconds_left("a", elapsed=1, left=1) is None


def test_work_knows_every_stage():
    config = decide(RunConfig(arch="squeezenet"))
    work = expected_work(config)
    assert tuple(work) == STAGES
    assert all(value > 0 for value in work.values())
    loaded = expected_work(config.model_copy(update={"weights": "w.safetensors", "train_original": False}))
    assert loaded["01_baseline"] == loaded["02_original"] == 0


@pytest.mark.parametrize(
    ("method", "epochs"), [("edropout", 10), ("saliency", 10), ("taylor", 4 + 10), ("scratch", 8 + 4 + 10)]
)
def test_what_a_method_does_not_spend_on_its_search_goes_to_the_fine_tuning(method, epochs):
    plan = "plan.json" if method == "scratch" else None
    work = expected_work(decide(RunConfig(arch="squeezenet", method=method, plan=plan)))
    assert work["05_finetune"] == epochs
    assert (work["03_search"] < 1) == (epochs > 10)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 0 s"), (185, "3 min 5 s"), (7620, "2 h 7 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
