from dataclasses import replace

import pytest
import torch
from torch import nn

from compress.channels.masks import kept_entries, masked
from compress.channels.units import find_units, with_fixed
from tests.helpers.networks import image_batch, random_state, unchanged, with_units


def test_everything_kept_changes_nothing_and_the_hooks_are_gone_afterwards():
    (network, units), images = with_units("squeeze and excite"), image_batch()
    plain = network(images)
    with unchanged(network):
        with masked(network, units, torch.ones(units.total)):
            assert torch.equal(network(images), plain)
        with pytest.raises(KeyError), masked(network, units, torch.zeros(units.total)):
            raise KeyError


def test_hand_worked_mask_acts_where_a_unit_is_read():
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=True), nn.Sigmoid(), nn.Linear(2, 3, bias=False))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.zero_()  # both hidden units are sigmoid(0) = 0.5
        network[3].weight.copy_(torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]))
    images = torch.ones(1, 2, 1, 1)
    with masked(network, find_units(network, images), torch.tensor([0.0, 1.0])):
        assert network(images).tolist() == [[5.0, 10.0, 15.0]]


@pytest.mark.parametrize("name", ["plain", "residual", "grouped", "flatten to linear"])
def test_mask_gradient_is_the_sum_over_the_weights_that_read_the_unit(name: str):
    # METHOD 2.6: dL/ds_u = sum of W * dL/dW_masked, for kept and dropped units alike
    (network, units), images = with_units(name), image_batch(6)
    state = random_state(units).float().requires_grad_()
    with masked(network, units, state):
        output = network(images)
    output.square().sum().backward()
    expected = torch.zeros(units.total + 1)
    for reader, unit_of_channel in units.reads.items():
        # the same function with a masked weight instead of a masked input
        layer = network.get_submodule(reader)
        weight, groups = layer.weight.detach(), getattr(layer, "groups", 1)
        out_group = torch.arange(len(weight)) // (len(weight) // groups)
        channel = out_group[:, None] * weight.shape[1] + torch.arange(weight.shape[1])
        mask = with_fixed(state.detach())[unit_of_channel][channel].reshape(*channel.shape, *[1] * (weight.dim() - 2))
        masked_weight = (weight * mask).requires_grad_()
        others = replace(units, reads={name: read for name, read in units.reads.items() if name != reader})
        with masked(network, others, state.detach()):
            same = torch.func.functional_call(network, {f"{reader}.weight": masked_weight}, (images,))
        assert torch.allclose(same, output, atol=1e-5)
        (gradient,) = torch.autograd.grad(same.square().sum(), masked_weight)
        per_channel = (weight * gradient).reshape(*channel.shape, -1).sum(-1)
        expected.index_add_(0, unit_of_channel[channel.flatten()], per_channel.flatten())
    assert torch.allclose(state.grad, expected[:-1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["residual", "grouped", "transposed", "flatten to linear", "squeeze and excite"])
def test_one_state_for_all_samples_is_the_same_as_that_state_for_each(name: str):
    (network, units), images = with_units(name), image_batch(5)
    state = random_state(units).float()
    results = []
    for keep in (state.clone(), state.repeat(5, 1)):  # the first is folded into the weights, the second masks inputs
        keep.requires_grad_()
        with masked(network, units, keep):
            output = network(images)
        output.square().sum().backward()
        results.append((output.detach(), keep.grad.reshape(-1, units.total).sum(0)))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-4)


def test_weights_are_whole_outside_their_layer_even_where_it_fails():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Linear(3, 2))
    units = find_units(network, torch.ones(2, 1, 2, 2))
    parameters = list(network.parameters())
    with masked(network, units, torch.tensor([0.0, 1.0, 1.0])):
        network(torch.ones(2, 1, 2, 2))
        assert all(now is before for now, before in zip(network.parameters(), parameters, strict=True))
        with pytest.raises(RuntimeError):
            network[2](torch.ones(2, 7))
        assert all(now is before for now, before in zip(network.parameters(), parameters, strict=True))


def test_ctrl_c_within_a_layer_leaves_the_network_as_it_was(monkeypatch):
    (network, units), images = with_units("plain"), image_batch()
    parameters = dict(network.named_parameters())

    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(nn.functional, "linear", interrupted)
    with unchanged(network), pytest.raises(KeyboardInterrupt), masked(network, units, random_state(units).float()):
        network(images)
    assert all(now is parameters[name] for name, now in network.named_parameters())
    assert len(parameters) == len(list(network.parameters()))


def test_a_users_hook_and_a_forward_of_the_users_own_see_the_whole_weight():
    (network, units), images = with_units("plain"), image_batch()
    head, reader, seen = network[-1], network[3], []
    head.register_forward_hook(lambda layer, _inputs, _output: seen.append(layer.weight))
    plain = reader.forward
    reader.forward = lambda x: [seen.append(reader.weight), plain(x)][1]
    with masked(network, units, random_state(units).float()):
        masked_logits = network(images)
    assert seen[0] is reader.weight
    assert seen[1] is head.weight
    del reader.forward
    with masked(network, units, random_state(units).float()):
        torch.testing.assert_close(network(images), masked_logits)


def test_kept_entries_are_both_sides_of_a_weight():
    network, units = with_units("residual")
    state = torch.ones(15)
    state[[0, 9]] = 0  # stem channel 0, inner channel 1
    entries = kept_entries(network, units, state)
    expected = (torch.arange(7) != 1)[:, None] & (torch.arange(8) != 0)
    assert torch.equal(entries["inner.weight"].expand(7, 8, 3, 3), expected[:, :, None, None].expand(7, 8, 3, 3))
    assert entries["norm.running_mean"].tolist() == [False] + [True] * 7
    assert "head.bias" not in entries or entries["head.bias"].all()
