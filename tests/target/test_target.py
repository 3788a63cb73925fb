"""The fit to a table, its error, and what is saved of it."""

import json
from dataclasses import replace

import pytest
import torch

from compress.channels.budget import Budget, Prunable
from compress.channels.counts import allowed_counts
from compress.errors import BadInputError, UsageError
from compress.runs.decide import decide
from compress.runs.json_files import json_bytes, json_value
from compress.settings.config import DecidedConfig, RunConfig
from compress.target.limit import limit_latency
from compress.target.target import SavedTarget, Target, fit_target
from exporters.measure.layer_times import NodeMilliseconds
from tests.helpers.latency_case import COUNT, Case


def fitted(case: Case, **changes: object) -> Target:
    return fit_target(case.samples, case.table(**changes), case.model, device=False)


@pytest.mark.parametrize("drift", [False, True])
def test_known_times_are_found_again_also_on_a_machine_that_gets_slower(case: Case, drift: bool):
    target = fitted(case, drift=drift)
    counts = torch.tensor([[32, 24], [20, 8], [8, 16], [28, 20]])
    expected, found = (replace(case.model, latency=one).costs(counts)[:, 2] for one in (case.latency(), target.latency))
    assert (found / found[0]).tolist() == pytest.approx((expected / expected[0]).tolist(), rel=0.02)
    assert target.facts.error_largest < 0.02
    assert (target.facts.samples, target.facts.machine) == (COUNT, {"cpu": "made up"})
    slow = 2 if drift else 1  # the median of the reference
    assert target.facts.whole_ms == pytest.approx(slow * float(expected[0]), rel=0.05)


def test_noise_of_nodes_shows_in_the_error(case: Case):
    quiet, noisy = (fitted(case, noise=noise).facts.error_median for noise in (0.0, 0.2))
    assert quiet < 1e-3 < noisy < 0.2


def test_a_target_is_read_back_to_the_last_bit(case: Case):
    target = fitted(case, noise=0.1)
    values = json_value(json_bytes(target.as_dict()), SavedTarget, source="latency.json")
    again = Target.from_dict(values)
    assert again.facts == target.facts
    for name in ("coefficients_L4", "blocks_L2", "rest_G"):
        assert torch.equal(getattr(again.latency, name), getattr(target.latency, name))


def in_int8(case: Case) -> Target:
    """The case's times as those of INT8 files, and a float32 file of the whole network that takes 2.5 times as long."""
    table = case.table()
    rows = [replace(row, reference_ms=2.5 * row.reference_ms) for row in table.samples]
    original = replace(rows[0], whole_ms=rows[0].reference_ms, nodes=(NodeMilliseconds("unknown", "Conv", 9.0),))
    samples = replace(case.samples, files=(case.samples.files[0], *case.samples.files))
    return fit_target(samples, replace(table, samples=(original, *rows)), case.model, device=False)


def test_int8_is_fitted_alone_and_its_speed_ups_are_against_the_float32_file(case: Case):
    target, alone = in_int8(case), fitted(case)
    assert (target.facts.precision, alone.facts.precision) == ("int8", "float32")
    assert target.latency.original_ms == pytest.approx(2.5 * target.facts.whole_ms)
    # Its own whole network is the measure of the times, 2.5 times as long in the case's INT8 table.
    assert target.facts.whole_ms == pytest.approx(alone.facts.whole_ms)
    assert alone.latency.original_ms is None
    faster = config(target_speedup=4, target_precision="int8")
    limited = limit_latency(prunable(case), faster, target)
    assert limited.budget.latency == pytest.approx(2.5 / 4, rel=0.01)
    assert limited.flag(2, limited.budget.latency) == "--target-speedup 4"
    with pytest.raises(UsageError, match=r"the whole network in INT8 is 2\.50x as fast .* got 2; .* without pruning"):
        limit_latency(prunable(case), config(target_speedup=2, target_precision="int8"), target)
    again = Target.from_dict(json_value(json_bytes(target.as_dict()), SavedTarget, source="latency.json"))
    assert (again.facts, again.latency.original_ms) == (target.facts, target.latency.original_ms)


def test_a_target_of_an_earlier_version_is_of_float32(case: Case):
    values = fitted(case).as_dict()
    del values["original_ms"], values["facts"]["precision"]
    again = Target.from_dict(json_value(json_bytes(values), SavedTarget, source="latency.json"))
    assert (again.facts.precision, again.latency.original_ms) == ("float32", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values["coefficients_L4"][0].append(1.0), "coefficients_L4.0"),
        (lambda values: values["rest_G"].append(-1.0), "rest_G"),
        (lambda values: values["facts"].pop("whole_ms"), "facts.whole_ms"),
    ],
)
def test_a_damaged_target_is_refused(case: Case, change, message: str):
    values = json.loads(json_bytes(fitted(case).as_dict()))
    change(values)
    with pytest.raises(BadInputError, match=message):
        json_value(json_bytes(values), SavedTarget, source="latency.json")


def prunable(case: Case, **budget: float) -> Prunable:
    return Prunable(case.units, case.model, allowed_counts(case.units, 8), Budget(**budget))


def config(**settings: object) -> DecidedConfig:
    return decide(RunConfig(arch="squeezenet", **settings))


def test_a_speed_up_and_the_same_in_milliseconds_are_the_same_budget(case: Case):
    target = fitted(case)
    whole_ms = float(replace(case.model, latency=target.latency).full_M[2])
    fast = limit_latency(prunable(case), config(target_speedup=1.6), target)
    short = limit_latency(prunable(case), config(target_latency_ms=whole_ms / 1.6), target)
    assert fast.budget.latency == pytest.approx(1 / 1.6)
    assert short.budget.latency == pytest.approx(1 / 1.6)
    keep = fast.repair(torch.rand(3, case.units.total, generator=torch.Generator().manual_seed(0)))
    milliseconds = fast.model.costs(fast.units.counts(keep))[:, 2]
    assert (milliseconds <= whole_ms / 1.6).all()
    assert fast.counts.step.tolist() == [16, 8]


def test_counts_stay_those_of_a_given_align(case: Case):
    limited = limit_latency(prunable(case), config(target_speedup=1.3, align=4), fitted(case))
    assert limited.counts.step.tolist() == [8, 8]  # those of the units given, which no finer align replaces


def test_a_latency_that_the_whole_network_has_leaves_nothing_to_do(case: Case):
    with pytest.raises(UsageError, match=r"the whole network takes .* ms a call: .* got 50; it is fast"):
        limit_latency(prunable(case), config(target_latency_ms=50), fitted(case))


def test_a_latency_out_of_reach_is_refused_with_the_fastest(case: Case):
    with pytest.raises(UsageError, match=r"cannot reach .* 100.00x as fast .* try --target-speedup \d"):
        limit_latency(prunable(case), config(target_speedup=100), fitted(case))


def test_a_model_of_other_layers_is_refused(case: Case):
    target = fitted(case)
    other = replace(target, latency=replace(target.latency, rest_G=target.latency.rest_G[1:]))
    with pytest.raises(BadInputError, match="of other layers than this version of compress finds"):
        limit_latency(prunable(case), config(target_speedup=1.5), other)
