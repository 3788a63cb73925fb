import copy

import pytest
import torch
from torch.nn import functional

import compress
from compress.channels.masks import kept_entries, masked
from compress.channels.units import find_units
from compress.errors import CheckFailedError, DivergedError, UsageError
from compress.structure.remove import logits_of
from tests.api.searches import adamw, batches, search_of, searched
from tests.helpers.networks import CLASSES, built, image_batch, prunable_of, same_state


@pytest.mark.parametrize("method", ["edropout", "saliency"])
def test_a_search_ends_within_its_budget_in_a_smaller_network_with_the_masked_ones_logits(method):
    found = searched(method=method)
    assert found.pruner.progress == 1
    assert [len(found.pruner.history), found.pruner.history[0].kept_macs] == [8, 1]
    assert found.pruner.history[-1].kept_macs <= 0.5
    kept = found.pruner.kept
    small = found.pruner.remove()
    assert {"stem": small.stem.out_channels, "inner": small.inner.out_channels} == {k: len(v) for k, v in kept.items()}
    units, images = find_units(found.network, image_batch()), image_batch(16, seed=3)
    with masked(found.network, units, found.pruner.keep.float()):
        expected = logits_of(found.network, images)
    assert torch.allclose(logits_of(small, images), expected, atol=1e-5)
    assert found.network.stem.out_channels == 8  # the user's own is whole


def test_a_budget_of_parameters_replaces_that_of_macs():
    parameters = sum(p.numel() for p in built("residual").parameters())
    small = searched(keep_params=0.4).pruner.remove()
    assert 0.25 * parameters < sum(p.numel() for p in small.parameters()) <= 0.4 * parameters


def test_an_own_loop_with_cross_entropy_equals_step_wherever_the_optimizers_step_is():
    stepped = searched(optimizer=adamw)
    for inside in (True, False):
        own = search_of(optimizer=adamw)
        for images, labels in batches():
            with own.pruner.state(images, labels) as model:
                own.optimizer.zero_grad()
                functional.cross_entropy(model(images), labels).backward()
                if inside:
                    own.optimizer.step()
            if not inside:
                own.optimizer.step()
        assert same_state(own.network, stepped.network)
        assert own.pruner.history == stepped.pruner.history


def test_no_optimizer_moves_weights_of_dropped_units_until_they_are_removed():
    found = searched()
    units = find_units(found.network, image_batch())
    entries = kept_entries(found.network, units, found.pruner.keep)
    dropped = {name: ~kept.expand_as(found.network.get_parameter(name)) for name, kept in entries.items()
               if name in dict(found.network.named_parameters())}  # fmt: skip

    def moved() -> set[str]:
        before = copy.deepcopy(dict(found.network.named_parameters()))
        found.optimizer.step()
        now = dict(found.network.named_parameters())
        assert (now["head.bias"] != before["head.bias"]).all()
        return {name for name, place in dropped.items() if (now[name] != before[name])[place].any()}

    assert any(place.any() for place in dropped.values())
    assert moved() == set()
    found.pruner.remove()
    assert moved()  # decay and momentum, as in any training


def test_an_optimizer_of_other_weights_is_none_of_the_pruners_business():
    found, other = searched(), built("residual", seed=2)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1, weight_decay=1.0)
    before = copy.deepcopy(dict(other.named_parameters()))
    for parameter in other.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert all(torch.allclose(value, 0.9 * before[name]) for name, value in other.named_parameters())
    assert found.pruner.progress == 1


def test_accumulated_parts_of_a_mini_batch_learn_as_the_whole_does():
    whole, parts = search_of(steps=40), search_of(steps=40)
    for each, chunks in ((whole, 1), (parts, 4)):
        each.network.norm.eval()  # BatchNorm over a part is not that over the whole
        for images, labels in batches(2):
            with each.pruner.state(images, labels) as model:
                each.optimizer.zero_grad()
                for few, theirs in zip(images.chunk(chunks), labels.chunk(chunks), strict=True):
                    (functional.cross_entropy(model(few), theirs) / chunks).backward()
                each.optimizer.step()
    saliency = [each.pruner.state_dict()["population"]["saliency"] for each in (whole, parts)]
    assert torch.allclose(*saliency, rtol=1e-3)
    assert whole.pruner.history[0].loss == pytest.approx(parts.pruner.history[0].loss, rel=1e-5)


def test_a_search_that_is_saved_and_loaded_goes_on_bit_for_bit(tmp_path):
    whole, half = searched(optimizer=adamw), search_of(optimizer=adamw)
    for images, labels in list(batches())[:5]:
        half.pruner.step(images, labels, half.optimizer)
    states = {name: getattr(half, name).state_dict() for name in ("network", "pruner", "optimizer")}
    torch.save(states, tmp_path / "state.pt")
    loaded, again = torch.load(tmp_path / "state.pt", weights_only=True), search_of(optimizer=adamw)
    for name, state in loaded.items():
        getattr(again, name).load_state_dict(state)
    for images, labels in list(batches())[5:]:
        again.pruner.step(images, labels, again.optimizer)
    assert again.pruner.history == whole.pruner.history
    assert same_state(again.network, whole.network)
    assert torch.equal(again.pruner.keep, whole.pruner.keep)
    with pytest.raises(UsageError, match=r"pruner with settings .*'steps': 9.*'steps': 8"):
        search_of(steps=9).pruner.load_state_dict(loaded["pruner"])
    with pytest.raises(UsageError, match=r"the state of a pruner with settings .*got one with None"):
        again.pruner.load_state_dict(again.network.state_dict())


def test_the_network_is_whole_and_in_its_own_modes_after_a_step_that_failed():
    found = search_of()
    found.network.norm.eval()
    images, labels = next(batches())
    with pytest.raises(KeyError), found.pruner.state(images, labels):
        raise KeyError
    no_gradient = pytest.raises(UsageError, match=r"no gradient reached the mask: call .* inside")
    with no_gradient, found.pruner.state(images, labels):
        pass
    hooks = [len(m._forward_pre_hooks) + len(m._forward_hooks) for m in found.network.modules()]
    assert set(hooks) == {0}
    assert [found.network.training, found.network.norm.training, len(found.pruner.history)] == [True, False, 0]


def test_a_loss_that_is_not_finite_stops_before_the_optimizer_moves():
    found = search_of()
    before = copy.deepcopy(found.network.state_dict())
    images, labels = next(batches())
    with pytest.raises(DivergedError, match="the loss became nan at step 1; try a smaller learning rate"):
        found.pruner.step(images * float("nan"), labels, found.optimizer)
    assert all(torch.equal(value, before[name]) for name, value in found.network.named_parameters())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.rand(20, CLASSES), r"got float32 \(20, 5\): .*for soft labels, mixup or another loss give the class n"),
        (torch.randint(2, (20, CLASSES)), r"int64 \(20,\), got int64 \(20, 5\): .* several labels an image"),
        (torch.rand(20), r"a class number for each of 20 images, int64 \(20,\), got float32 \(20,\)"),
        (torch.zeros(19, dtype=torch.int64), r"for each of 20 images, int64 \(20,\), got int64 \(19,\)"),
        (torch.full((20,), -100), "class numbers from 0 to 4, as the network has 5 logits, got -100 to -100"),
        (torch.full((20,), 5), "class numbers from 0 to 4, .* got 5 to 5"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(labels, message):
    found = search_of()
    images, _labels = next(batches())
    with pytest.raises(UsageError, match=message):
        found.pruner.step(images, labels, found.optimizer)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "at least one step, got steps=0"),
        ({"keep_macs": 1.5}, r"keep_macs between 0 and 1 \(0.5 keeps half\), got 1.5"),
        ({"population": 3}, "4 states or more, got 3"),
        ({"method": "magnitude"}, "'edropout' or 'saliency', got 'magnitude'"),
        ({"align": 0}, "align='auto' or a number of channels from 1, got 0"),
        ({"keep_macs": 0.01}, r"cannot keep only 1.0% of the MACs: .* try keep_macs=0\.\d+"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        search_of(**settings)


def test_one_logit_is_refused():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(2, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.Linear(8, 1),
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"two classes or more, got one: .* return two logits"):
        compress.Pruner(network, image_batch(4), steps=4, align=1)


def test_removal_needs_steps_and_a_network_of_the_same_layers():
    found = search_of()
    with pytest.raises(UsageError, match="nothing was learnt yet"):
        found.pruner.remove()
    found = searched()
    with pytest.raises(UsageError, match=r"got one that differs at 0\.bias"):
        found.pruner.remove(built("plain"))


def test_a_network_whose_code_does_not_bear_the_cut_is_not_handed_out(monkeypatch):
    found = searched()
    forward = type(found.network).forward
    width = found.network.stem.out_channels

    def odd(network, images):
        return forward(network, images) * (1 if network.stem.out_channels == width else 2)

    monkeypatch.setattr(type(found.network), "forward", odd)
    with pytest.raises(CheckFailedError, match="masked and smaller network differ"):
        found.pruner.remove()


def test_before_the_end_the_best_known_state_at_the_budget_is_removed():
    found = search_of(steps=1000)
    for images, labels in batches(3):
        found.pruner.step(images, labels, found.optimizer)
    assert found.pruner.keep.all()
    small, prunable = found.pruner.remove(), prunable_of(found.network)
    counts = torch.tensor([[small.stem.out_channels, small.inner.out_channels]])
    assert prunable.model.costs(counts)[0, 0] <= 0.5 * prunable.model.full.macs


class Averaging(torch.optim.Optimizer):
    """An optimizer around another one, as Lookahead is: its step has that of the other inside."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        super().__init__(inner.param_groups, {})
        self.inner = inner
        self.slow = [parameter.detach().clone() for parameter in self._held()]

    def _held(self):
        return [parameter for group in self.param_groups for parameter in group["params"]]

    @torch.no_grad()
    def step(self, closure=None):
        self.inner.step(closure)
        for slow, parameter in zip(self.slow, self._held(), strict=True):
            parameter.copy_(slow.lerp_(parameter, 0.5))


def test_weights_of_dropped_units_do_not_move_under_an_optimizer_around_another():
    found = search_of()
    optimizer = Averaging(found.optimizer)
    for images, labels in batches():
        before = copy.deepcopy(dict(found.network.named_parameters()))
        found.pruner.step(images, labels, optimizer)
        units = find_units(found.network, image_batch())
        for name, kept in kept_entries(found.network, units, found.pruner.keep).items():
            if name in before:
                now = found.network.get_parameter(name)
                assert torch.equal(now[~kept.expand_as(now)], before[name][~kept.expand_as(now)])
    assert not found.pruner.keep.all()
