import pytest
import torch
from torch import nn

from compress.channels.units import find_units
from compress.controls.scores import filter_norms, log_keys, norm_factors, share_keys
from compress.errors import UsageError
from compress.structure.shrink import import_torch_pruning
from tests.helpers.networks import Residual, built, image_batch


def test_a_filters_norms_by_hand():
    network = nn.Sequential(nn.Conv2d(2, 3, 1, bias=False), nn.ReLU(), nn.Conv2d(3, 5, 12), nn.Flatten())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, -4.0], [0.0, 0.5], [1.0, 1.0]])[:, :, None, None])
    units = find_units(network, image_batch())
    assert filter_norms(network, units, order=1).tolist() == [7.0, 0.5, 2.0]
    assert filter_norms(network, units, order=2).tolist() == pytest.approx([5.0, 0.5, 2**0.5])


def test_filters_tied_by_a_residual_add_are_summed():
    network = built("residual")
    units = find_units(network, image_batch())
    scores = filter_norms(network, units, order=1)
    stream = next(group for group in units.groups if group.root == "stem")
    expected = network.stem.weight.abs().sum((1, 2, 3)) + network.outer.weight.abs().sum((1, 2, 3))
    assert scores[stream.units].tolist() == pytest.approx(expected.tolist())


def test_units_of_a_grouped_convolution_have_filters_in_each_of_its_groups():
    network = built("grouped")
    units = find_units(network, image_batch())
    scores = filter_norms(network, units, order=1)
    made = next(group for group in units.groups if group.root == "3")
    per_filter = network[3].weight.detach().abs().sum((1, 2, 3))
    expected = [sum(per_filter[channel] for channel in made.channels(torch.tensor([u]))) for u in range(made.size)]
    assert scores[made.units].tolist() == pytest.approx([float(value) for value in expected])


def test_a_transposed_convolution_has_its_filters_along_the_second_axis():
    network = built("transposed")
    units = find_units(network, image_batch())
    made = next(group for group in units.groups if group.root == "2")
    expected = network[2].weight.abs().sum((0, 2, 3))
    assert filter_norms(network, units, order=1)[made.units].tolist() == pytest.approx(expected.tolist())


def test_a_depthwise_filter_makes_no_unit():
    network = built("depthwise")
    units = find_units(network, image_batch())
    made = next(group for group in units.groups if group.root == "0")
    expected = network[0].weight.abs().sum((1, 2, 3))
    assert filter_norms(network, units, order=1)[made.units].tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize("order", [1, 2])
def test_a_chain_is_ranked_as_by_torch_pruning(order):
    network = built("plain")
    units = find_units(network, image_batch())
    scores = filter_norms(network, units, order=order)
    torch_pruning = import_torch_pruning()
    graph = torch_pruning.DependencyGraph().build_dependency(network, image_batch())
    importance = torch_pruning.importance.MagnitudeImportance(
        p=order, group_reduction="first", normalizer=None, target_types=[nn.Conv2d]
    )
    for group in units.groups:
        layer = network.get_submodule(group.root)
        tied = graph.get_pruning_group(layer, torch_pruning.prune_conv_out_channels, list(range(group.size)))
        assert scores[group.units].argsort().tolist() == importance(tied).argsort().tolist()


def test_ranks_keep_the_same_share_of_every_group():
    units = find_units(built("plain"), image_batch())
    keys = share_keys(torch.tensor([8.0, 7, 6, 5, 4, 3, 2, 1, 1e6, 2e6, 3e6, 4e6, 5e6, 6e6]), units)
    assert keys[:8].tolist() == [1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    assert units.counts((keys > 0.5).unsqueeze(0)).tolist() == [[4, 3]]


def test_logarithms_keep_the_order_between_groups():
    keys = log_keys(torch.tensor([0.0, 1e-20, 2e-20, 1.0], dtype=torch.float64))
    assert keys.isfinite().all()
    assert keys.tolist() == sorted(keys.tolist())


def test_batchnorms_factor_is_averaged_where_several_carry_a_unit():
    class Two(Residual):
        def __init__(self) -> None:
            super().__init__()
            self.between = nn.BatchNorm2d(7)
            self.after = nn.BatchNorm2d(8)

        def forward(self, images):
            features = self.norm(self.stem(images)).relu()
            features = (features + self.after(self.outer(self.between(self.inner(features)).relu()))).relu()
            return self.head(features.mean((2, 3)))

    torch.manual_seed(0)
    network = Two().eval()
    with torch.no_grad():
        network.norm.weight.copy_(torch.linspace(-2, 5, 8))
        network.after.weight.copy_(torch.linspace(1, 0, 8))
    units = find_units(network, image_batch())
    stream = next(group for group in units.groups if group.root == "stem")
    expected = (network.norm.weight.abs() + network.after.weight.abs()) / 2
    assert norm_factors(network, units)[stream.units].tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    ("name", "layers"), [("concat", "squeeze, left, right have none"), ("residual", "inner has none")]
)
def test_a_network_without_batchnorm_is_refused_by_name(name, layers):
    network = built(name)
    with pytest.raises(UsageError, match=f"bn-scale needs a BatchNorm .*{layers}: try --method l1 or taylor"):
        norm_factors(network, find_units(network, image_batch()))
