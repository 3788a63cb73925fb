"""What becomes a point of a curve, and what happens if a writer fails."""

import pytest

from compress.curves.curves import Curves
from compress.curves.verdict import verdict_numbers
from compress.observer import Observer, Observers
from tests.curves.stages import EPOCHS, train
from tests.report.sample import latency_row, network, report


class Kept:
    """A writer that keeps everything: curve -> its points."""

    def __init__(self, *, fails_at: int | None = None):
        self.points: dict[str, list[tuple[int, float]]] = {}
        self.fails_at, self.closed = fails_at, []

    def write(self, group, values, *, step):
        if step == self.fails_at:
            raise OSError(28, "No space left on device")
        for name, value in values.items():
            self.points.setdefault(f"{group}/{name}", []).append((step, value))

    def close(self, error):
        self.closed.append(error)


def test_every_step_and_every_validation_is_a_point():
    kept = Kept()
    with Curves(kept, note=pytest.fail) as curves:
        train(curves)
    assert kept.points["03_search/loss"] == [(step, 10.0 - step) for step in range(1, 13)]
    assert kept.points["03_search/learning_rate"] == [(step, 0.1 / step) for step in range(1, 13)]
    assert kept.points["03_search/val_loss"] == [(4, 5.0), (8, 4.0), (12, 3.0)]
    assert kept.closed == [None]


def test_speed_is_images_over_the_time_of_a_step_without_the_validation():
    kept, now = Kept(), 0.0
    curves = Curves(kept, note=pytest.fail, clock=lambda: now)
    curves.stage("01_baseline", index=1, count=7, steps=3)
    for step, seconds in ((1, 9.0), (2, 0.5), (3, 0.25)):
        now += seconds
        curves.step(step, images=32, values={"epoch": "1/1", "loss": 1.0})
        curves.numbers({"loss": 1.0}, step=step)
        now += 2.0 * (step == 2)
        curves.numbers({"val_loss": 1.0} if step == 2 else {}, step=step)
    assert kept.points["01_baseline/images_per_second"] == [(2, 64.0), (3, 128.0)]


def test_a_run_goes_on_without_its_curves():
    notes, kept = [], Kept(fails_at=6)
    with Curves(kept, notes.append) as curves:
        assert len(train(curves)) == EPOCHS
    assert notes == ["the curves end here: [Errno 28] No space left on device"]
    assert [step for step, _loss in kept.points["03_search/loss"]] == [1, 2, 3, 4, 5]


def test_several_observers_receive_everything():
    one, other = Kept(), Kept()
    train(Observers(Curves(one, pytest.fail), Observer(), Curves(other, pytest.fail)))
    assert one.points.keys() == other.points.keys() >= {"03_search/loss", "03_search/val_loss"}
    assert one.points["03_search/loss"] == other.points["03_search/loss"]


def test_the_verdict_has_every_network_and_every_timing():
    rows = (
        network("original", "original", wrong=range(40), file="a.onnx"),
        network("pruned (P)", "candidate", wrong=range(30, 75), file="b.onnx"),
    )
    latency = (latency_row(8, 2, 1.4, 1.5, 1.6, other="pruned (P)", before=3.0, after=2.0),)
    numbers = verdict_numbers(report(networks=rows, latency=latency))
    assert numbers["original/top1"] == 0.9
    assert numbers["pruned_P/top1"] == pytest.approx(1 - 45 / 400)
    assert numbers["pruned_P/drop_points"] == pytest.approx(1.25)
    assert (numbers["pruned_P/kept_macs"], numbers["pruned_P/size_bytes"]) == (0.5, 1_200_000)
    assert numbers["original/latency_ms_batch8_threads2"] == 3.0
    assert (numbers["pruned_P/latency_ms_batch8_threads2"], numbers["pruned_P/speedup_batch8_threads2"]) == (2.0, 1.5)
    assert "original/drop_points" not in numbers
