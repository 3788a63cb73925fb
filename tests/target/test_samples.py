"""Samples are the network's graph in other widths, without weights."""

import copy

import onnx
import pytest
import torch
from torch import Tensor, nn

from compress.channels.budget import Budget, Prunable
from compress.channels.units import find_units
from compress.errors import UsageError
from compress.target.samples import make_samples, sample_counts
from exporters.read.session import session_options, start_session
from tests.helpers.latency_case import COUNT, IMAGES, Case


def test_the_first_sample_is_the_whole_network_and_all_keep_enough_in_steps_of_four(case: Case):
    counts = sample_counts(case.units, 40)
    assert torch.equal(counts[0], case.units.sizes)
    assert (counts % 4 == 0).all()
    assert (counts >= 4).all()
    assert (counts <= case.units.sizes).all()
    assert len({tuple(row) for row in counts.tolist()}) == len(counts) > 25
    assert (counts[1:3] < counts[0]).all()  # so that their graphs show every number that follows the channels
    assert torch.equal(counts, sample_counts(case.units, 40))


def test_samples_go_in_steps_of_sixteen_or_the_half_that_divides_a_narrow_group():
    network = nn.Sequential(
        nn.Conv2d(3, 96, 1), nn.ReLU(), nn.Conv2d(96, 24, 1), nn.ReLU(), nn.Conv2d(24, 64, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 4),
    ).eval()  # fmt: skip
    counts = sample_counts(find_units(network, IMAGES), 40)
    assert [sorted(set(column)) for column in counts.T.tolist()] == [
        [16, 32, 48, 64, 80, 96], [8, 16, 24], [16, 32, 48, 64],
    ]  # fmt: skip


def test_a_network_of_few_shapes_has_no_latency_model():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    ).eval()
    with pytest.raises(UsageError, match="at least 8 shapes in steps of 4 channels, got 2"):
        sample_counts(find_units(network, IMAGES), 40)


def test_every_sample_runs_and_has_kilobytes(case: Case):
    assert len(case.samples.files) == COUNT
    for file in case.samples.files[:6]:
        session = start_session(file.data, session_options(threads=1), path="sample")
        (logits,) = session.run(None, {"images": IMAGES.numpy()})
        assert logits.shape == (2, 5)
        assert 0 < abs(logits).max() < 1e6
    assert max(len(file.data) for file in case.samples.files) < 8_000


def test_samples_depend_on_the_architecture_and_not_on_weights(case: Case):
    other = copy.deepcopy(case.network)
    with torch.no_grad():
        for tensor in other.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 2.0)
    again = make_samples(other, case.prunable, IMAGES, opset=18, count=COUNT)
    assert [file.sha256 for file in again.files] == [file.sha256 for file in case.samples.files]


def test_a_depthwise_convolution_has_as_many_groups_as_channels(case: Case):
    for file, counts in list(zip(case.samples.files, case.samples.counts_NG.tolist(), strict=True))[1:6]:
        graph = onnx.load_model_from_string(file.data).graph
        convolutions = [node for node in graph.node if node.op_type == "Conv"]
        groups = [next(one.i for one in node.attribute if one.name == "group") for node in convolutions]
        assert groups == [1, counts[0], 1]


def test_numbers_that_the_graph_computes_with_follow_the_channels(case: Case):
    # Flatten is a reshape to [-1, 24] here, and the folded BatchNorm a bias without a name of the network's.
    for file, counts in list(zip(case.samples.files, case.samples.counts_NG.tolist(), strict=True))[3:6]:
        constants = {one.name: one for one in onnx.load_model_from_string(file.data).graph.initializer}
        values = [
            onnx.numpy_helper.to_array(one).tolist() for name, one in constants.items() if name.startswith("val_")
        ]
        assert [-1, counts[1]] in values
        assert onnx.numpy_helper.to_array(constants["0.weight_bias_shape"]).tolist() == [counts[0]]


class SplitsInHalves(nn.Module):
    """Its halves have to have the same number of channels, which the split's own numbers say."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.left, self.right = nn.Conv2d(3, 16, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(16, 4)

    def forward(self, images: Tensor) -> Tensor:
        first, second = self.stem(images).relu().chunk(2, 1)
        return self.head(torch.cat([self.left(first), self.right(second)], 1).relu().mean((2, 3)))


def test_a_network_that_splits_its_channels_has_samples_that_run():
    torch.manual_seed(0)
    network = SplitsInHalves().eval()
    units = find_units(network, IMAGES)
    prunable = Prunable.measure(network, units, IMAGES[:1], align=1, budget=Budget())
    samples = make_samples(network, prunable, IMAGES, opset=18, count=8)
    assert len(samples.files) == 8
    for file in samples.files:
        session = start_session(file.data, session_options(threads=1), path="sample")
        assert session.run(None, {"images": IMAGES.numpy()})[0].shape == (2, 4)
