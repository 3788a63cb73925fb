import json

import pytest
import torch

from compress.controls.methods import ONE_SHOT
from compress.controls.scratch import choose_scratch, planned_state
from compress.errors import BadInputError, UsageError
from compress.structure.plan import plan_from_state
from tests.controls.tasks import task_of
from tests.helpers.networks import built, prunable_of


@pytest.fixture
def plan(tmp_path):
    """Half of the MACs of ``residual``, by another method."""
    task = task_of("residual")
    path = tmp_path / "plan.json"
    path.write_text(plan_from_state(task.prunable.units, ONE_SHOT["l1"](task).keep_U).to_json())
    return path


def test_the_shape_is_the_plans_and_the_weights_are_fresh(plan):
    task = task_of("residual", plan=plan)
    choice = choose_scratch(task)
    assert choice.fresh
    assert torch.equal(choice.keep_U, ONE_SHOT["l1"](task).keep_U)
    fresh = built("residual", seed=7)
    assert torch.equal(choice.network.stem.weight, fresh.stem.weight)
    kept = choice.keep_U[task.prunable.units.reads["inner"]].double().mean()
    torch.testing.assert_close(choice.network.inner.weight, fresh.inner.weight * (1 / kept.sqrt()).float())


def test_signals_are_as_strong_as_in_the_whole_fresh_network(plan):
    """Per output: inputs times the variance of a weight is the same with fewer inputs."""
    task = task_of("residual", plan=plan)
    choice, whole = choose_scratch(task), built("residual", seed=7)
    for name in ("inner", "outer"):
        kept = choice.keep_U[task.prunable.units.reads[name]]
        cut, before = choice.network.get_submodule(name).weight, whole.get_submodule(name).weight
        sums = kept.sum() * cut.square().mean(), len(kept) * before.square().mean()
        assert float((sums[0] / sums[1]).detach()) == pytest.approx(1.0, rel=1e-5)


def test_a_plan_over_the_budget_is_refused(plan):
    with pytest.raises(UsageError, match=r"keeps \d\d\.\d% of the MACs, more than was asked"):
        planned_state(plan, prunable_of(built("residual"), share=0.3))


def test_a_plan_of_another_network_is_refused_by_layer(plan):
    with pytest.raises(UsageError, match="expected a layer inner with 7 channels to prune, got none"):
        planned_state(plan, prunable_of(built("squeeze and excite")))


def test_a_plan_of_another_alignment_is_refused(plan):
    with pytest.raises(UsageError, match="other counts than this --align allows"):
        planned_state(plan, prunable_of(built("residual"), share=0.9, align=4))


def test_a_plan_that_cannot_be_read(tmp_path):
    rules = prunable_of(built("residual"))
    with pytest.raises(BadInputError, match=r"cannot read the plan .*gone\.json: No such file"):
        planned_state(tmp_path / "gone.json", rules)
    (tmp_path / "odd.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="not a pruning plan"):
        planned_state(tmp_path / "odd.json", rules)
    (tmp_path / "other.json").write_text(json.dumps({"format": "something"}))
    with pytest.raises(BadInputError, match="expected a plan of format"):
        planned_state(tmp_path / "other.json", rules)
    with pytest.raises(UsageError, match="expected --plan"):
        planned_state(None, rules)
