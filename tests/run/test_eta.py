import pytest

from compress.run.eta import RunEstimate, expected_work
from compress.runs import STAGES
from compress.runs.decide import decide
from compress.settings.config import RunConfig


def test_the_estimate_follows_the_measured_durations():
    run = RunEstimate({"a": 2.0, "b": 1.0, "c": 3.0})
    assert run.seconds_left("a", elapsed=10, left=10) == pytest.approx(10 + 4 * 10)
    run.finished("a", 40)  # twice as long as it looked
    assert run.seconds_left("b", elapsed=10, left=10) == pytest.approx(10 + 3 * 20)
    assert run.seconds_left("c", elapsed=10, left=0) == pytest.approx(0)
    assert run.seconds_left("unknown", elapsed=10, left=0) is None
    assert RunEstimate({"a": 0.0, "b": 1.0}).seconds_left("a", elapsed=1, left=1) is None


def test_every_stage_has_an_expected_work():
    config = decide(RunConfig(arch="squeezenet"))
    work = expected_work(config)
    assert tuple(work) == (*STAGES[:3], "03_push", *STAGES[3:])
    assert all(value > 0 for value in work.values())
    given = {"weights": "w.safetensors", "train_original": False, "search_start": 0}
    loaded = expected_work(config.model_copy(update=given))
    assert loaded["01_baseline"] == loaded["02_original"] == 0

    # 22 epochs, the search is 6 to 8; one-shot methods choose after epoch 6
    for method, epochs in {"edropout": 14, "saliency": 14, "taylor": 22 - 6, "scratch": 22}.items():
        plan = "plan.json" if method == "scratch" else None
        half, fifth = (
            expected_work(decide(RunConfig(arch="squeezenet", method=method, plan=plan, keep_macs=share)))
            for share in (0.5, 0.2)
        )
        assert (half["01_baseline"], half["02_original"]) == (5, 17)
        assert half["05_finetune"] == pytest.approx((0.25 + 0.375) * epochs)
        assert fifth["05_finetune"] == pytest.approx((0.25 + 0.15) * epochs)
