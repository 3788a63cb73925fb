"""Wrappers, shared memory, extra state and outputs that hold more than logits."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from compress.networks.adopt import take_logits, tie_shared_memory, unwrap
from exporters.module_copy import copy_module
from tests.helpers.networks import network_of


def body() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))


def compiled(network: nn.Module) -> nn.Module:
    network.compile(backend="eager")
    return network


WRAPPERS = {
    "DataParallel": nn.DataParallel,
    "OptimizedModule": lambda network: torch.compile(network, backend="eager"),
    "AveragedModel": torch.optim.swa_utils.AveragedModel,
    "compile()": compiled,
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_is_taken_off_around_the_network_and_around_its_parts(wrapper):
    wrap, names = WRAPPERS[wrapper], [*body().state_dict()]
    whole, removed = unwrap(wrap(body()))
    assert removed == (wrapper,)
    assert [*whole.state_dict()] == names
    assert type(whole) is nn.Sequential
    parts, removed = unwrap(nn.Sequential(wrap(body()), wrap(nn.DataParallel(nn.Linear(3, 2)))))
    assert set(removed) == {wrapper, "DataParallel"}
    assert [*parts.state_dict()] == [*(f"0.{name}" for name in names), "1.weight", "1.bias"]
    assert all(module._compiled_call_impl is None for module in parts.modules())


def test_a_network_without_wrappers_stays_as_it_is():
    network = body()
    assert unwrap(network) == (network, ())


def tied() -> nn.Sequential:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    network[2].weight = nn.Parameter(network[0].weight.data)
    return network


def test_parameters_of_one_memory_stay_one_in_a_copy():
    network = tied()
    assert tie_shared_memory(network, "net") == ("0.weight and 2.weight",)
    assert network[2].weight is network[0].weight
    again = copy_module(network)
    assert again[2].weight is again[0].weight is not network[0].weight
    assert {*network.state_dict()} == {*tied().state_dict()}
    assert tie_shared_memory(network, "net") == ()


def test_neighbours_in_one_memory_are_no_fault():
    network, memory = nn.Linear(3, 2), torch.rand(8)
    network.weight, network.bias = nn.Parameter(memory[:6].view(2, 3)), nn.Parameter(memory[6:])
    assert tie_shared_memory(network, "net") == ()


@dataclass
class Output:
    logits: Tensor
    hidden_states: tuple[Tensor, ...] = ()


@pytest.mark.parametrize("wrap", [Output, lambda logits: {"loss": None, "logits": logits}, lambda logits: logits])
def test_named_logits_are_the_networks_output(wrap):
    network = network_of(lambda n, x: wrap(n.head(x)), head=nn.Linear(4, 3))
    network.register_forward_hook(take_logits)
    images = torch.rand(2, 4)
    assert torch.equal(copy_module(network)(images), network.head(images))


def test_an_output_without_logits_is_left_alone():
    network = network_of(lambda n, x: (n.head(x), x), head=nn.Linear(4, 3))
    network.register_forward_hook(take_logits)
    assert isinstance(network(torch.rand(2, 4)), tuple)
