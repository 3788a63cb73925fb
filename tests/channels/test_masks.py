import pytest
import torch
from torch import nn

from compress.channels.masks import kept_entries, masked, population_logits
from compress.channels.units import find_units
from tests.helpers.networks import NETWORKS, built, image_batch


def random_states(count: int, total: int, *, seed: int = 0) -> torch.Tensor:
    return (torch.rand(count, total, generator=torch.Generator().manual_seed(seed)) < 0.5).float()


@pytest.mark.parametrize("name", NETWORKS)
def test_population_forward_equals_one_by_one(name: str):
    network, images = built(name), image_batch(4)
    units = find_units(network, images)
    states = random_states(5, units.total)
    together = population_logits(network, units, states, images)
    for state, logits in zip(states, together, strict=True):
        with masked(network, units, state), torch.no_grad():
            assert torch.allclose(network(images), logits, atol=1e-6)


def test_everything_kept_changes_nothing_and_the_hooks_are_gone_afterwards():
    network, images = built("squeeze and excite"), image_batch()
    units = find_units(network, images)
    plain = network(images)
    with masked(network, units, torch.ones(units.total)):
        assert torch.equal(network(images), plain)
    with pytest.raises(KeyError), masked(network, units, torch.zeros(units.total)):
        raise KeyError
    assert torch.equal(network(images), plain)


def test_hand_worked_mask_acts_where_a_unit_is_read():
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=True), nn.Sigmoid(), nn.Linear(2, 3, bias=False))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.zero_()  # both hidden units are sigmoid(0) = 0.5
        network[3].weight.copy_(torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]))
    images = torch.ones(1, 2, 1, 1)
    units = find_units(network, images)
    with masked(network, units, torch.tensor([0.0, 1.0])):
        assert network(images).tolist() == [[5.0, 10.0, 15.0]]


@pytest.mark.parametrize("name", ["plain", "residual", "grouped", "flatten to linear"])
def test_mask_gradient_is_the_sum_over_the_weights_that_read_the_unit(name: str):
    # METHOD 2.6: dL/ds_u = sum of W * dL/dW_masked, for kept and dropped units alike
    network, images = built(name), image_batch(6)
    units = find_units(network, images)
    state = random_states(1, units.total)[0].requires_grad_()
    with masked(network, units, state):
        network(images).square().sum().backward()

    expected = torch.zeros(units.total + 1)
    for layer_name, unit_of_channel in units.reads.items():
        layer = network.get_submodule(layer_name)
        entries = torch.cat([state.detach(), torch.ones(1)])[unit_of_channel]
        groups = getattr(layer, "groups", 1)
        per_group = layer.weight.shape[1]
        # the same function with masked weights instead of masked inputs
        weight = layer.weight.detach()
        out_group = torch.arange(len(weight)) // (len(weight) // groups)
        channel = out_group[:, None] * per_group + torch.arange(per_group)
        mask = entries[channel].reshape(*channel.shape, *(1 for _ in weight.shape[2:]))
        masked_weight = (weight * mask).requires_grad_()
        with masked(network, units, state.detach()):
            output = torch.func.functional_call(network, {f"{layer_name}.weight": masked_weight}, (images,))
        # masking the input again is harmless for the value; for the gradient use unmasked inputs at this layer
        expected = expected + _reading_gradient(
            network, units, state.detach(), layer_name, masked_weight, images, channel
        )
        assert torch.allclose(output, _masked_output(network, units, state.detach(), images), atol=1e-5)
    assert torch.allclose(state.grad, expected[:-1], atol=1e-4, rtol=1e-4)


def _masked_output(network, units, state, images):
    with masked(network, units, state):
        return network(images)


def _reading_gradient(network, units, state, layer_name, masked_weight, images, channel):
    others = {name: unit for name, unit in units.reads.items() if name != layer_name}
    without = type(units)(units.groups, others, units.carries)
    with masked(network, without, state):
        output = torch.func.functional_call(network, {f"{layer_name}.weight": masked_weight}, (images,))
    (gradient,) = torch.autograd.grad(output.square().sum(), masked_weight)
    weight = network.get_submodule(layer_name).weight.detach()
    per_channel = (weight * gradient).flatten(2).sum(-1) if weight.dim() > 2 else weight * gradient
    sums = torch.zeros(units.total + 1)
    return sums.index_add_(0, units.reads[layer_name][channel.flatten()], per_channel.flatten())


def test_kept_entries_are_both_sides_of_a_weight():
    network, images = built("residual"), image_batch()
    units = find_units(network, images)
    state = torch.ones(15)
    state[[0, 9]] = 0  # stem channel 0, inner channel 1
    entries = kept_entries(network, units, state)
    expected = torch.ones(7, 8, dtype=torch.bool)
    expected[1, :] = False
    expected[:, 0] = False
    assert torch.equal(entries["inner.weight"].expand(7, 8, 3, 3), expected[:, :, None, None].expand(7, 8, 3, 3))
    assert entries["norm.running_mean"].tolist() == [False] + [True] * 7
    assert "head.bias" not in entries or entries["head.bias"].all()
