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
    """Signals are as strong as in the whole network: inputs times the variance of a weight is the same per output."""
    task = task_of("residual", plan=plan)
    choice = choose_scratch(task)
    assert torch.equal(choice.keep_U, ONE_SHOT["l1"](task).keep_U)
    fresh = built("residual", seed=7)
    assert torch.equal(choice.network.stem.weight, fresh.stem.weight)
    kept = choice.keep_U[task.prunable.units.reads["inner"]].double().mean()
    torch.testing.assert_close(choice.network.inner.weight, fresh.inner.weight * (1 / kept.sqrt()).float())
    for name in ("inner", "outer"):
        kept = choice.keep_U[task.prunable.units.reads[name]]
        cut, before = choice.network.get_submodule(name).weight, fresh.get_submodule(name).weight
        sums = kept.sum() * cut.square().mean(), len(kept) * before.square().mean()
        assert float((sums[0] / sums[1]).detach()) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("residual", {"share": 0.3}, r"keeps \d\d\.\d% of the MACs, more than was asked"),
        ("squeeze and excite", {}, "expected a layer inner with 7 channels to prune, got none"),
        ("residual", {"share": 0.9, "align": 4}, "other counts than this --align allows"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(plan, name: str, options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        planned_state(plan, prunable_of(built(name), **options))


def test_a_plan_that_cannot_be_read(tmp_path):
    (tmp_path / "odd.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "other.json").write_text('{"format": "something"}')
    rules = prunable_of(built("residual"))
    for name, message in (
        ("gone.json", r"cannot read the plan .*gone\.json: No such file"),
        ("odd.json", r"odd\.json is not JSON"),
        ("other.json", "expected a plan of format"),
    ):
        with pytest.raises(BadInputError, match=message):
            planned_state(tmp_path / name, rules)
    with pytest.raises(UsageError, match="expected --plan"):
        planned_state(None, rules)
