"""How a user's network is built, and which of its layers is the head."""

import pytest
import torch
from torch import nn

from compress.errors import UsageError
from compress.networks.own_code import OwnCode
from compress.networks.own_network import Images, build_own, own_head
from compress.training.load_weights import load_weights
from tests.helpers.networks import layers

SMALL = Images(size=12, channels=1, classes=3)
SAME = nn.Sequential(nn.Flatten(), nn.Linear(144, 3))

CALLS = {
    "no argument": (lambda: SAME, r"has to take the number of classes alone, build\(num_classes\); too many"),
    "two arguments": (lambda _a, _b: SAME, "missing a required argument: '_b'"),
    "no module": (lambda _: "resnet", "expected a torch.nn.Module, got str"),
    "doubles": (lambda n: nn.Linear(3, n).double(), r"of torch.float32, got torch.float64; try .float\(\)"),
    "scripted": (lambda n: torch.jit.trace(nn.Linear(3, n), torch.zeros(1, 3)), "a scripted network cannot be cut"),
    "a fault": (lambda n: [][n], r"(?s)nets.net\(3\) failed:\n.*test_own_network.py.*IndexError"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("call", CALLS)
def test_what_build_may_not_do(call):
    build, message = CALLS[call]
    with pytest.raises(UsageError, match=message):
        build_own(OwnCode("", build), "nets.net", classes=3, channels=1, image_size=12)


def test_lazy_layers_learn_their_shape_from_the_images():
    code = layers(lambda _: nn.Flatten(), nn.LazyLinear)
    network = build_own(code, "lazy", classes=3, channels=3, image_size=12)
    assert network[1].weight.shape == (3, 3 * 12 * 12)
    assert network.training


class Backwards(nn.Module):
    """Its head is defined first and has a BatchNorm; what is defined last is as wide as there are classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(classes)
        self.answer = nn.ConvTranspose2d(4, classes, 2)
        self.middle = nn.Conv2d(3, 4, 3)
        self.first = nn.Conv2d(1, 3, 3)

    def forward(self, x):
        return self.norm(self.answer(self.middle(self.first(x)))).mean((2, 3))


def test_the_head_is_what_answers_wherever_it_is_defined(tmp_path):
    file, network, other = tmp_path / "other.pt", Backwards(3), Backwards(5)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    head = own_head(network, SMALL)
    assert head == (*(f"norm.{part}" for part in ("weight", "bias", "running_mean", "running_var")),
                    "answer.weight", "answer.bias")  # fmt: skip
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    plain = nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.Linear(8, 3))
    assert own_head(plain, SMALL) == ("2.weight", "2.bias")
    assert not network.first._forward_hooks
    torch.save(other.state_dict(), file)
    assert load_weights(network, file, head=head).fresh_head  # weights of other classes leave such a head fresh
    assert torch.equal(network.first.weight, other.first.weight)
    assert network.answer.weight.shape == (4, 3, 2, 2)
