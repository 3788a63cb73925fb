import pytest
import torch
from torch import Tensor, nn

from compress.channels.units import find_units
from compress.errors import UsageError
from tests.helpers.networks import CLASSES, image_batch, network_of, pooled, unchanged
from tests.helpers.odd_networks import ODD, found


@pytest.mark.parametrize("name", ODD)
def test_what_is_pruned_and_why_the_rest_is_not(name: str):
    odd = ODD[name]
    if not odd.pruned:
        with pytest.raises(UsageError, match="nothing can be pruned in this network") as error:
            find_units(odd.build(), image_batch())
        assert all(f"{layer}: " in str(error.value) and why in str(error.value) for layer, why in odd.whole.items())
        return
    _, units = found(name)
    assert {group.root: group.size for group in units.groups} == odd.pruned
    for layer, why in odd.whole.items():
        assert why in units.not_pruned[layer]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda logits: (logits, logits), "got a tuple"),
        (lambda logits: {"out": logits}, "got a dict"),
        (lambda logits: logits[:, :, None, None], r"got a tensor \(3, 5, 1, 1\)"),
        (lambda logits: logits.mean(0, keepdim=True), r"got a tensor \(1, 5\)"),
    ],
)
def test_what_is_no_classifier_is_refused(output, message: str):
    network = network_of(
        lambda n, x: output(n.head(n.stem(x).mean((2, 3)))), stem=nn.Conv2d(2, 8, 3), head=nn.Linear(8, CLASSES)
    )
    with pytest.raises(UsageError, match=rf"expected a classifier that returns one tensor of logits .*{message}"):
        find_units(network, image_batch())


@pytest.mark.parametrize(
    ("network", "error"),
    [
        (nn.Conv2d(7, CLASSES, 3), "RuntimeError: .*channels"),
        (network_of(lambda _, x: x * (1 // 0)), "ZeroDivisionError"),
    ],
)
def test_images_a_network_does_not_take_are_named_with_its_own_error(network: nn.Module, error: str):
    with pytest.raises(UsageError, match=rf"does not run on images of shape \(3, 2, 12, 12\): {error}"):
        find_units(network, image_batch())


@pytest.mark.parametrize("name", ["own forwards", "hooks of the user"])
def test_tracing_changes_nothing(name: str):
    network = ODD[name].build()
    network.stem.train()
    with unchanged(network):
        find_units(network, image_batch())


def test_a_layer_that_does_not_see_the_images_is_not_pruned():
    def forward(n: nn.Module, images: Tensor) -> Tensor:
        bias = n.two(n.one(torch.ones(3, 2)).relu()).mean(0)
        return n.head((n.stem(images).relu() + bias[:, None, None]).mean((2, 3)))

    network = network_of(
        forward, stem=nn.Conv2d(2, 8, 3), head=nn.Linear(8, CLASSES), one=nn.Linear(2, 16), two=nn.Linear(16, 8)
    )
    with pytest.raises(UsageError, match=r"one: it does not see the images; .*stem: two: it does not see the images"):
        find_units(network, image_batch())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_layout_in_memory_changes_no_group(layout: torch.memory_format):
    network = nn.Sequential(nn.Conv2d(2, 8, 3), *pooled(8))
    units = find_units(network.to(memory_format=layout), image_batch().contiguous(memory_format=layout))
    assert {group.root: group.size for group in units.groups} == {"0": 8}
    assert units.not_pruned_before_head == {}


def test_new_strides_that_could_move_numbers_are_not_followed():
    def forward(n: nn.Module, images: Tensor) -> Tensor:
        means = n.conv(images).amax((2, 3))
        return n.head(means.as_strided(means.shape, (1, len(means))))

    network = network_of(forward, conv=nn.Conv2d(2, 4, 3), head=nn.Linear(4, 4))
    with pytest.raises(UsageError, match="conv: as_strided, which cannot be followed, takes it"):
        find_units(network, image_batch())


@pytest.mark.parametrize("make", [torch.jit.script, lambda module: torch.jit.trace(module, torch.ones(1, 8, 4, 4))])
def test_a_part_made_by_torch_jit_is_named(make):
    part = make(nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU()))
    network = nn.Sequential(nn.Conv2d(2, 8, 3), part, *pooled(8))
    with pytest.raises(UsageError, match=r"^1 is made by torch\.jit and cannot be cut; use the module it is made of$"):
        find_units(network, image_batch())
