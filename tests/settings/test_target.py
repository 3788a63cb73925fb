"""Which settings of a latency budget go together."""

import pytest

from compress.errors import UsageError
from compress.runs.decide import decide
from compress.settings.config import build_config


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target_latency_ms": 2, "target_speedup": 2}, "--target-latency-ms and --target-speedup are two ways"),
        ({"target_speedup": 2, "keep_macs": 0.5}, "--target-speedup takes the place of --keep-macs: give one of them"),
        ({"target_latency_ms": 2, "preset": "paper"}, "no budget: drop --target-latency-ms or --preset"),
        ({"target_batch": 4}, "--target-batch needs a latency: add --target-latency-ms or --target-speedup"),
        ({"target_precision": "int8"}, "--target-precision needs a latency: add"),
        ({"target": "d.json", "target_speedup": 2, "target_batch": 4}, "--target has its own batch and threads"),
        ({"target_speedup": 1}, "--target-speedup: expected more than 1.0, got 1"),
        ({"target_latency_ms": 0}, "--target-latency-ms: expected more than 0.0, got 0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(given, message: str):
    with pytest.raises(UsageError) as caught:
        build_config({"arch": "squeezenet"} | given)
    assert message in str(caught.value)


def test_a_latency_takes_the_place_of_the_macs():
    config = decide(build_config({"arch": "squeezenet", "target_speedup": 2, "keep_params": 0.4}))
    assert (config.keep_macs, config.keep_params, config.target_speedup) == (None, 0.4, 2.0)
    assert config.has_target
    assert config.budget_share == 0.4
    assert not decide(build_config({"arch": "squeezenet"})).has_target


def test_a_speed_up_is_a_share_of_the_time_and_in_int8_of_what_is_not_yet_known():
    fast = build_config({"arch": "squeezenet", "target_speedup": 8})
    assert fast.budget_share == 0.125
    assert build_config({"arch": "squeezenet", "target_speedup": 8, "target_precision": "int8"}).budget_share == 1
    assert build_config({"arch": "squeezenet", "target_latency_ms": 8}).budget_share == 1
