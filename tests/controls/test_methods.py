from typing import get_args

import pytest
import torch

from compress.controls.methods import ALLOCATIONS, ONE_SHOT, check_applies
from compress.controls.torch_pruning_scores import TORCH_PRUNING
from compress.errors import UsageError
from compress.settings.config import Method
from compress.settings.methods import METHODS
from compress.structure.plan import plan_from_state
from compress.structure.remove import remove_units
from tests.controls.tasks import task_of
from tests.helpers.networks import NETWORKS, image_batch, same_state, unchanged

PLANLESS = [method for method in ONE_SHOT if method not in ("scratch", *TORCH_PRUNING)]
ON_SOME = {
    "bn-scale": ["depthwise"],
    **{method: ["concat"] for method in TORCH_PRUNING},
    "tp-taylor": ["residual", "depthwise"],
}


def test_every_method_has_a_card_and_one_way_to_choose():
    assert tuple(METHODS) == get_args(Method)
    assert {*ONE_SHOT} | {*ALLOCATIONS} | {"one-cycle"} == {*METHODS}
    assert {*ONE_SHOT} == {name for name, card in METHODS.items() if card.at_once}
    assert not {*ONE_SHOT} & {*ALLOCATIONS}


@pytest.mark.parametrize(
    ("name", "method"),
    [(name, method) for name in NETWORKS for method in PLANLESS if method not in ON_SOME]
    + [(name, method) for method, names in ON_SOME.items() for name in names],
)
def test_a_choice_is_within_the_budget_close_to_it_and_the_same_again(name, method):
    task = task_of(name)
    with unchanged(task.network):
        choice = ONE_SHOT[method](task)
    rules = task.prunable
    counts = rules.units.counts(choice.keep_U.unsqueeze(0))
    share = rules.model.cost(counts[0]).macs / rules.model.full.macs
    assert share <= 0.5
    assert (counts + 1 > rules.counts.largest).all() or share > 0.3  # tiny groups go in large steps
    assert (counts >= rules.counts.smallest).all()
    remove_units(choice.network, rules.units, choice.keep_U, image_batch())
    if name == "concat":
        again = ONE_SHOT[method](task_of(name))
        assert torch.equal(again.keep_U, choice.keep_U)
        assert same_state(again.network, choice.network)


def test_random_is_another_choice_with_another_seed():
    assert len({tuple(ONE_SHOT["random"](task_of("concat", seed=seed)).keep_U.tolist()) for seed in range(5)}) == 5


@pytest.mark.parametrize("method", ["l1", "l2", "taylor"])
def test_what_matters_stays(method):
    """Of eight channels four are quiet: their filters and what reads them are a hundredth."""
    task = task_of("plain", share=0.45)
    with torch.no_grad():
        task.network[0].weight[:4] *= 0.01
        task.network[3].weight[:, :4] *= 0.01
    assert set(ONE_SHOT[method](task).keep_U[:8].nonzero().flatten().tolist()) <= {4, 5, 6, 7}


def test_bn_scale_keeps_large_factors_of_all_layers_by_one_threshold():
    task = task_of("depthwise", share=0.505)
    with torch.no_grad():
        task.network[1].weight.copy_(torch.linspace(0.1, 1.0, 10))
        task.network[4].weight.copy_(torch.linspace(0.1, 1.0, 10))
        task.network[7].weight.fill_(5.0)
    keep = ONE_SHOT["bn-scale"](task).keep_U
    counts = task.prunable.units.counts(keep.unsqueeze(0))[0].tolist()
    assert counts[1] == 6  # all larger than any of the first layer
    assert keep[:10].tolist() == sorted(keep[:10].tolist())


def test_what_a_method_needs_is_found_out_before_training(tmp_path):
    with pytest.raises(UsageError, match="needs a BatchNorm"):
        check_applies("bn-scale", task_of("concat"))
    task = task_of("concat")
    plan = tmp_path / "plan.json"
    plan.write_text(plan_from_state(task.prunable.units, ONE_SHOT["l1"](task).keep_U).to_json())
    check_applies("scratch", task_of("concat", plan=plan))
    with pytest.raises(UsageError, match="another network"):
        check_applies("scratch", task_of("residual", plan=plan))
    for method in TORCH_PRUNING:
        with pytest.raises(UsageError, match="layer 0 singly, and 3 have to go together; try --method taylor"):
            check_applies(method, task_of("grouped"))
    for method in ("edropout", "anneal", "saliency", "random", "l1", "l2", "taylor", "thinet", *TORCH_PRUNING):
        check_applies(method, task_of("concat"))
