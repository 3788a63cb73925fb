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
from compress.networks.examine import examine
from compress.networks.own_code import OwnCode
from compress.networks.own_network import Images
from tests.helpers.networks import layers, network_of

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


def test_a_network_that_divides_by_what_a_black_image_lacks_gets_a_note():
    (note,), _ = examine(own(lambda net, x: logits(net, x / x.abs().amax((1, 2, 3), keepdim=True))), "nets.a", SMALL)
    assert note.startswith("nets.a gives NaN or infinity for an image of one value, such as a black one")


def test_a_classifier_has_no_notes_but_one_for_a_softmax():
    assert examine(own(), "nets.good", SMALL) == ((), True)
    (note,), channels_last = examine(own(lambda net, x: logits(net, x).softmax(1)), "nets.soft", SMALL)
    assert channels_last
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
    assert examine(stateful({"version": 3, "scales": [torch.ones(2), None]}), "net", SMALL) == ((), True)


FAULTS = {
    "state that is no data": (
        stateful(threading.Lock()),
        r"get_extra_state \(1\._extra_state\) gives a lock that cannot be saved as data: try numbers",
    ),
    "several heads": (own(lambda net, x: (logits(net, x), x)), r"one tensor \(4, 3\), got tuple"),
    "several heads in training": (
        own(lambda net, x: (logits(net, x), x) if net.training else logits(net, x)),
        r"in training mode: expected logits, one tensor \(4, 3\), got tuple: return the logits alone",
    ),
    "bound to the first": (
        own(lambda net, x: net.answer(hidden(net, x)), lambda net: setattr(net, "answer", lambda x: net.head(x + 0))),
        "a copy of it .* does not answer by its own weights",
    ),
    "one memory in part": (
        own(change=lambda net: setattr(net.head, "bias", nn.Parameter(net.inner.bias.data[2:5]))),
        "inner.bias and head.bias share a part of their memory",
    ),
    "a buffer in a weight": (
        own(change=lambda net: net.register_buffer("rows", net.inner.weight.data[:2])),
        "rows and inner.weight share a part of their memory",
    ),
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


def flat(features: Tensor) -> Tensor:
    return features.view(features.size(0), -1)


IDIOMS = {
    "LeNet's": (lambda net, x: net.head(flat(net.body(x))), False),
    "VGG's, in one line": (lambda net, x: net.head(net.body(x).view(-1, 4 * 36)), False),
    "LightCNN's, in halves": (
        lambda net, x: net.head(flat(torch.max(*torch.cat([net.body(x)] * 2, 1).split(4, 1)))), False
    ),
    "a permutation": (lambda net, x: net.head(net.body(x).view(len(x), 2, 2, 6, 6).transpose(1, 2).flatten(1)), True),
    "rows as a batch": (lambda net, x: net.head(net.body(x).view(-1, 36).view(len(x), -1)), False),
    "only in training": (
        lambda net, x: net.head(flat(net.body(x)) if net.training else net.body(x).flatten(1)), False
    ),
    "strides": (lambda net, x: net.head(net.body(x).as_strided((len(x), 144), (144, 1))), False),
    "flatten": (lambda net, x: net.head(net.body(x).flatten(1)), True),
    "reshape": (lambda net, x: net.head(net.body(x).reshape(len(x), -1)), True),
}  # fmt: skip


@pytest.mark.parametrize("idiom", IDIOMS)
def test_the_memory_layout_is_the_default_where_the_code_takes_no_other(idiom):
    forward, channels_last = IDIOMS[idiom]

    def build(classes: int) -> nn.Module:
        return network_of(
            forward, body=nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 4, 5)), head=nn.Linear(4 * 36, classes)
        )

    notes, found = examine(OwnCode("", build), "nets.lenet", SMALL)
    assert found == channels_last
    assert [note.partition(":")[0] for note in notes] == (
        [] if channels_last else ["nets.lenet is trained in torch's default memory layout"]
    )
