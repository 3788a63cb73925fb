import pytest
import torch
from torch import nn
from torch.nn import functional

from compress.channels.masks import masked
from compress.channels.units import find_units
from compress.controls.scores import filter_norms, log_keys, norm_factors, share_keys, taylor_scores
from compress.data.bundle import Order
from compress.errors import UsageError
from compress.structure.shrink import import_torch_pruning
from tests.helpers.networks import NETWORKS, built, image_batch, network_of, unchanged, with_units
from tests.helpers.splits import TensorSplit, learnable_split


def test_a_filters_norms_by_hand():
    network = nn.Sequential(nn.Conv2d(2, 3, 1, bias=False), nn.ReLU(), nn.Conv2d(3, 5, 12), nn.Flatten())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, -4.0], [0.0, 0.5], [1.0, 1.0]])[:, :, None, None])
    units = find_units(network, image_batch())
    assert filter_norms(network, units, order=1).tolist() == [7.0, 0.5, 2.0]
    assert filter_norms(network, units, order=2).tolist() == pytest.approx([5.0, 0.5, 2**0.5])


@pytest.mark.parametrize(
    ("name", "root", "norms_of"),
    [
        ("residual", "stem", lambda n: n.stem.weight.abs().sum((1, 2, 3)) + n.outer.weight.abs().sum((1, 2, 3))),
        # units of a grouped convolution have filters in each of its groups
        ("grouped", "3", lambda n: n[3].weight.abs().sum((1, 2, 3)).reshape(3, 3).sum(0)),
        # a transposed convolution has its filters along the second axis
        ("transposed", "2", lambda n: n[2].weight.abs().sum((0, 2, 3))),
        # a depthwise filter makes no unit
        ("depthwise", "0", lambda n: n[0].weight.abs().sum((1, 2, 3))),
    ],
)
def test_norms_of_all_filters_of_a_unit_are_summed(name, root, norms_of):
    network, units = with_units(name)
    made = next(group for group in units.groups if group.root == root)
    assert filter_norms(network, units, order=1)[made.units].tolist() == pytest.approx(norms_of(network).tolist())


@pytest.mark.parametrize("order", [1, 2])
def test_a_chain_is_ranked_as_by_torch_pruning(order):
    network, units = with_units("plain")
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


def test_keys_by_ranks_keep_the_same_share_of_every_group_and_logarithms_the_order_between_groups():
    _, units = with_units("plain")
    keys = share_keys(torch.tensor([8.0, 7, 6, 5, 4, 3, 2, 1, 1e6, 2e6, 3e6, 4e6, 5e6, 6e6]), units)
    assert keys[:8].tolist() == [1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    assert units.counts((keys > 0.5).unsqueeze(0)).tolist() == [[4, 3]]
    keys = log_keys(torch.tensor([0.0, 1e-20, 2e-20, 1.0], dtype=torch.float64))
    assert keys.isfinite().all()
    assert keys.tolist() == sorted(keys.tolist())


def test_batchnorms_factor_is_averaged_where_several_carry_a_unit():
    def forward(n: nn.Module, images: torch.Tensor) -> torch.Tensor:
        features = n.norm(n.stem(images)).relu()
        return n.head((features + n.after(n.outer(n.between(n.inner(features)).relu()))).relu().mean((2, 3)))

    torch.manual_seed(0)
    layers = dict(NETWORKS["residual"]().named_children())
    network = network_of(forward, between=nn.BatchNorm2d(7), after=nn.BatchNorm2d(8), **layers).eval()
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


@pytest.mark.parametrize("name", ["squeeze and excite", "flatten to linear"])
def test_taylors_score_is_the_mean_square_of_the_losss_slope_along_the_mask(name):
    network = built(name).double()
    units = find_units(built(name), image_batch())
    found = learnable_split(20)
    split = TensorSplit(found._images.double(), found.labels)
    scores = taylor_scores(network, units, split, batch_size=8, seed=3)
    batches = list(split.batches(8, order=Order(seed=3, epoch=0)))
    assert len(batches) == 3

    def loss(images, labels, unit: int, value: float) -> float:
        keep = torch.ones(units.total, dtype=torch.float64)
        keep[unit] = value
        with masked(network, units, keep), torch.no_grad():
            return float(functional.cross_entropy(network(images), labels))

    for unit in (0, units.total - 1):
        slopes = [(loss(*batch, unit, 1 + 1e-5) - loss(*batch, unit, 1 - 1e-5)) / 2e-5 for batch in batches]
        assert scores[unit].item() == pytest.approx(sum(slope**2 for slope in slopes) / 3, rel=1e-3)


def test_a_unit_that_nothing_reads_has_no_score_and_taylor_gives_the_same_again():
    network, units = with_units("plain")
    network.train()
    with torch.no_grad():
        network[3].weight[:, 2] = 0
    with unchanged(network):
        first, second = (taylor_scores(network, units, learnable_split(40), batch_size=8, seed=0) for _ in range(2))
    assert torch.equal(first, second)
    assert first[2] == 0
    assert (first[:8] > 0).sum() == 7
