import copy
import warnings

import pytest
import torch
from torch.nn import functional

from compress.channels.masks import kept_entries
from compress.channels.units import find_units
from compress.errors import UsageError
from tests.api.searches import adamw, batches, searched
from tests.helpers.networks import built, image_batch


def train(network, optimizer, *, steps: int = 3) -> float:
    for images, labels in batches(steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("optimizer", [adamw, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)])
def test_state_of_kept_weights_is_the_same_and_that_of_dropped_ones_gone(optimizer):
    found = searched(optimizer=optimizer)
    entries = kept_entries(found.network, find_units(found.network, image_batch()), found.pruner.keep)
    before = {name: dict(found.optimizer.state[p]) for name, p in found.network.named_parameters()}
    small = found.pruner.remove(optimizer=found.optimizer)
    held = found.optimizer.param_groups[0]["params"]
    assert all(one is other for one, other in zip(held, small.parameters(), strict=True))
    assert found.optimizer.state.keys() == set(small.parameters())
    for name, parameter in small.named_parameters():
        for key, value in found.optimizer.state[parameter].items():
            old = before[name][key]
            if old.dim() and name in entries:
                old = old[entries[name].expand_as(old)].reshape(parameter.shape)
            assert torch.equal(value, old), (name, key)


def test_groups_schedule_and_further_training_go_on():
    found = searched(optimizer=lambda _all: torch.optim.AdamW([torch.zeros(1, requires_grad=True)]))  # none of ours yet
    other = torch.nn.Parameter(torch.ones(3))
    parameters = list(found.network.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": parameters[:3], "lr": 0.01}, {"params": [*parameters[3:], other], "weight_decay": 0.0}], lr=0.02
    )
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    train(found.network, optimizer)
    schedule.step()
    small = found.pruner.remove(optimizer=optimizer)
    schedule.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.0025, 0.005]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.01, 0.0]
    assert [len(group["params"]) for group in optimizer.param_groups] == [3, len(parameters) - 3 + 1]
    assert optimizer.param_groups[1]["params"][-1] is other
    before, first = copy.deepcopy(dict(small.named_parameters())), train(small, optimizer)
    assert train(small, optimizer, steps=8) < first
    assert all((value != before[name]).any() for name, value in small.named_parameters())


def test_a_warning_names_state_that_cannot_be_cut():
    found = searched(optimizer=lambda p: torch.optim.Adafactor(p, lr=0.01))
    with pytest.warns(UserWarning, match=r"Adafactor starts with fresh state for stem.weight, .*outer.weight"):
        small = found.pruner.remove(optimizer=found.optimizer)
    assert small.stem.weight not in found.optimizer.state
    assert int(found.optimizer.state[small.head.bias]["step"]) == 8  # as long as it is, so its state is the same
    with warnings.catch_warnings(action="error"):
        train(small, found.optimizer)


def test_an_optimizer_of_another_model_is_refused():
    found = searched()
    with pytest.raises(UsageError, match="expected the optimizer that trains this model"):
        found.pruner.remove(optimizer=adamw(built("plain").parameters()))
