import json

import pytest
import torch

from compress.errors import BadInputError
from compress.structure.plan import PruningPlan, plan_from_state, state_from_plan
from compress.structure.remove import cut, remove_units
from tests.helpers.networks import NETWORKS, image_batch, random_state, same_state, with_units
from tests.helpers.odd_networks import found


def test_hand_worked_plan_of_a_tied_group():
    _, units = with_units("grouped")
    keep = torch.ones(units.total, dtype=torch.bool)
    keep[[0, 2]] = False  # of the stem's 4 units of 3 channels each, 4 apart
    plan = plan_from_state(units, keep)
    assert plan.kept["0"] == (1, 3, 5, 7, 9, 11)
    assert plan.widths["0"] == 12


@pytest.mark.parametrize("name", NETWORKS)
def test_json_there_and_back_gives_the_same_state(name: str):
    _, units = with_units(name)
    keep = random_state(units)
    plan = PruningPlan.from_json(plan_from_state(units, keep).to_json())
    assert torch.equal(state_from_plan(units, plan), keep)


@pytest.mark.parametrize("name", ["unequal split by widths of layers", "shortcut padded with zeros", "group norm"])
def test_groups_of_a_part_of_a_layer_have_their_own_names(name: str):
    (network, units), images = found(name), image_batch()
    keep = random_state(units, seed=3)
    plan = PruningPlan.from_json(plan_from_state(units, keep).to_json())
    assert torch.equal(state_from_plan(units, plan), keep)
    assert same_state(cut(network, plan, images), remove_units(network, units, keep, images).network)


def test_a_plan_of_a_version_that_found_fewer_groups_cuts_the_same():
    _, units = found("shortcut padded with zeros")
    keep = state_from_plan(units, PruningPlan({"stem": (1, 2, 5)}, {"stem": 8}))
    assert units.groups[0].root == "stem"
    assert keep[units.groups[0].units].nonzero().flatten().tolist() == [1, 2, 5]
    assert keep.sum() == 3 + units.total - 8


def test_a_plan_of_other_groups_is_refused():
    _, units = found("unequal split by widths of layers")
    with pytest.raises(BadInputError, match="the plan does not fit the network: it expects a layer stem of width 8"):
        state_from_plan(units, PruningPlan({"stem": (0, 1)}, {"stem": 8}))


IMPOSSIBLE = "a.json keeps impossible channels in stem: expected ascending whole numbers below its width"


def plan_text(kept: object, *, width: object = 4) -> str:
    return json.dumps({"format": "compress-pruning-plan/1", "layers": {"stem": {"width": width, "kept": kept}}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a.json is not JSON: "),
        ("[]", "a.json is not a pruning plan: TypeError"),
        (
            '{"format": "other/9", "layers": {}}',
            "a.json: expected a plan of format compress-pruning-plan/1, got 'oth",
        ),
        ('{"format": "compress-pruning-plan/1"}', "a.json is not a pruning plan: KeyError"),
        *((plan_text(kept), IMPOSSIBLE) for kept in ([], [4], [-1], [1, 0], [0, 0], [True], [1.0], ["1"], "01", {})),
        *((plan_text([0], width=width), IMPOSSIBLE) for width in (1e10, 0, True, "4", None)),
    ],
)
def test_what_is_no_plan_is_refused(text: str, message: str):
    with pytest.raises(BadInputError, match=message):
        PruningPlan.from_json(text, source="a.json")


def test_a_width_of_billions_is_compared_and_not_counted_through():
    plan = PruningPlan.from_json(plan_text([0, 3], width=10**12))
    assert (plan.kept, plan.widths) == ({"stem": (0, 3)}, {"stem": 10**12})
