"""What a user's network is told before anything is trained."""

import itertools
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.errors import UsageError
from compress.networks.own_code import OwnCode
from compress.networks.own_network import Images, build_own, examine, own_head
from compress.training.load_weights import load_weights
from tests.helpers.networks import layers

SMALL = Images(size=12, channels=1, classes=3)


class Net(nn.Module):
    """A hidden layer between two linear ones; ``run`` is its forward pass."""

    def __init__(self, run: Callable[["Net", Tensor], Tensor], classes: int) -> None:
        super().__init__()
        self.inner = nn.Linear(SMALL.size**2, 8)
        self.head = nn.Linear(8, classes)
        self.run = run

    def forward(self, x):
        return self.run(self, x)


def hidden(net: Net, x: Tensor) -> Tensor:
    return functional.relu(net.inner(x.flatten(1)))


def logits(net: Net, x: Tensor) -> Tensor:
    return net.head(hidden(net, x))


def own(run: Callable[[Net, Tensor], Tensor] = logits, change: Callable[[Net], object] = id) -> OwnCode:
    """Code that builds a ``Net`` and applies ``change`` to it."""

    def build(classes: int) -> nn.Module:
        network = Net(run, classes)
        change(network)
        return network

    return OwnCode("", build)


def test_a_classifier_has_no_notes_but_one_for_a_softmax():
    assert examine(own(), "nets.good", SMALL) == ()
    (note,) = examine(own(lambda net, x: logits(net, x).softmax(1)), "nets.soft", SMALL)
    assert note.startswith("nets.soft seems to end in a softmax")


SAME = nn.Sequential(nn.Flatten(), nn.Linear(144, 3))
WIDTHS = itertools.count(4)
UNCOPIED = r"cannot be copied .* because of self.inner.thing, a {}: .*make it in forward"


class Stateful(nn.Linear):
    """A layer with more state than tensors."""

    state: object = None

    def get_extra_state(self):
        return self.state

    def set_extra_state(self, state: object):
        self.state = state


def stateful(state: object) -> OwnCode:
    def build(classes: int) -> nn.Module:
        layer = Stateful(144, classes)
        layer.state = state
        return nn.Sequential(nn.Flatten(), layer)

    return OwnCode("", build)


def test_more_state_than_tensors_is_taken_if_it_is_data():
    assert examine(stateful({"version": 3, "scales": [torch.ones(2), None]}), "net", SMALL) == ()


FAULTS = {
    "state that is no data": (
        stateful(threading.Lock()),
        r"get_extra_state \(1\._extra_state\) gives a lock that cannot be saved as data: try numbers",
    ),
    "several heads": (own(lambda net, x: (logits(net, x), x)), r"one tensor \(4, 3\), got tuple"),
    "other classes": (layers(lambda _: nn.Flatten(), lambda n: nn.Linear(144, n + 1)), r"got \(4, 4\): build\("),
    "a map": (layers(lambda n: nn.Conv2d(1, n, 3)), r"got \(4, 3, 10, 10\): forward has to end in one row an image"),
    "dropout": (own(lambda net, x: net.head(functional.dropout(hidden(net, x)))), "logits for the same images"),
    "the batch": (own(lambda net, x: logits(net, x - x.mean())), "depend on the other images in the batch"),
    "in place": (own(lambda net, x: logits(net, x.mul_(2))), "changes its input in place"),
    "unsaved": (
        own(lambda net, x: logits(net, x) * net.scale, lambda net: setattr(net, "scale", torch.rand(3))),
        "after its state_dict was loaded into a second one",
    ),
    "no gradient": (own(lambda net, x: logits(net, x).detach()), "cannot be trained"),
    "NaN": (own(lambda net, x: logits(net, x) / 0 * 0), "expected finite logits"),
    "the same module": (OwnCode("", lambda _: SAME), "two calls give the same weights in memory"),
    "other layers": (
        layers(lambda _: nn.Flatten(), lambda _: nn.LazyLinear(next(WIDTHS)), nn.LazyLinear),
        "two calls give networks of different layers",
    ),
    "fails": (own(lambda net, x: logits(net, x)[:, [9]]), r"(?s)nets.net failed:.*IndexError"),
    "a lock": (own(change=lambda net: setattr(net.inner, "thing", threading.Lock())), UNCOPIED.format("lock")),
    "a generator": (own(change=lambda net: setattr(net.inner, "thing", (_ for _ in ()))), UNCOPIED.format("generator")),
    "weights torch did not draw": (
        own(change=lambda net: net.head.bias.data.copy_(torch.from_numpy(np.random.default_rng().random(3)))),
        r"the same torch.manual_seed give other weights in head.bias",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_classifier_is_told_what_to_change(fault):
    code, message = FAULTS[fault]
    with pytest.raises(UsageError, match=message):
        examine(code, "nets.net", SMALL)


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
    assert own_head(Net(logits, 3), SMALL) == ("head.weight", "head.bias")
    assert not network.first._forward_hooks
    torch.save(other.state_dict(), file)
    assert load_weights(network, file, head=head).fresh_head  # weights of other classes leave such a head fresh
    assert torch.equal(network.first.weight, other.first.weight)
    assert network.answer.weight.shape == (4, 3, 2, 2)
