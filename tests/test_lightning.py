"""The callback in Lightning's own trainer, against ``Pruner`` in a plain loop."""

import sys
import warnings

import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from compress.errors import EnvironmentProblem, UsageError
from tests.api.searches import batches, searched, sgd
from tests.helpers.networks import CLASSES, built, image_batch, same_state

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lightning.pytorch import LightningModule, Trainer

    from compress.lightning import EDropoutCallback

pytestmark = [
    pytest.mark.filterwarnings("ignore:::lightning"),
    pytest.mark.filterwarnings("ignore:The .train_dataloader. does not have many workers"),
]

STEPS = 8
LOADER = DataLoader([*batches(STEPS)], batch_size=None)
HALF = DataLoader([*batches(STEPS // 2)], batch_size=None)
"""Epochs of as many mini-batches as the search takes, and of half as many."""


class Tiny(LightningModule):
    """A user's own: cross-entropy and one optimizer."""

    def __init__(self, **changes) -> None:
        super().__init__()
        self.model = built("residual").train()
        self.fails_at = changes.pop("fails_at", None)
        self.automatic_optimization = changes.pop("automatic", True)
        self.losses: list[float] = []

    def training_step(self, batch, batch_idx):
        if batch_idx == self.fails_at:
            raise ZeroDivisionError("the user's")
        loss = functional.cross_entropy(self.model(batch[0]), batch[1])
        self.losses.append(float(loss.detach()))
        return loss

    def configure_optimizers(self):
        return sgd(self.parameters())


def callback(**changes) -> EDropoutCallback:
    return EDropoutCallback(**{"steps": STEPS, "align": 1} | changes)


def fit(
    module: Tiny, pruning: EDropoutCallback, *, loader=LOADER, epochs: int = 1, ckpt_path=None, **options
) -> Trainer:
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(accelerator="cpu", max_epochs=epochs, callbacks=[pruning], **quiet | options)
    trainer.fit(module, loader, ckpt_path=ckpt_path)
    return trainer


def test_the_search_and_the_smaller_network_are_those_of_a_plain_loop():
    plain, module, pruning = searched(), Tiny(), callback()
    trainer = fit(module, pruning)
    assert pruning.pruner.history == plain.pruner.history
    assert module.model is pruning.small
    assert same_state(module.model, plain.pruner.remove())
    assert module.losses == pytest.approx([step.loss for step in plain.pruner.history])
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert logged == pytest.approx({f"edropout/{k}": v for k, v in plain.pruner.history[-1]._asdict().items()})


def test_the_remaining_epochs_train_the_smaller_network():
    module, pruning, before = Tiny(), callback(), {}
    pruning.on_train_epoch_end = lambda trainer, module: before.setdefault(
        trainer.current_epoch, {name: value.clone() for name, value in module.model.state_dict().items()}
    )
    trainer = fit(module, pruning, epochs=2)
    (optimizer,) = trainer.optimizers
    assert {id(p) for group in optimizer.param_groups for p in group["params"]} == {*map(id, module.model.parameters())}
    assert len(pruning.pruner.history) == STEPS
    assert all(not torch.equal(before[0][name], before[1][name]) for name, _p in module.model.named_parameters())
    assert module.model.stem.out_channels < built("residual").stem.out_channels
    assert module.model(image_batch(3)).shape == (3, CLASSES)


def test_accumulated_gradients_are_of_one_state():
    states, pruning = [], callback(steps=4)

    class Watched(Tiny):
        def training_step(self, batch, batch_idx):
            states.append(pruning.pruner.keep.clone())
            return super().training_step(batch, batch_idx)

    fit(Watched(), pruning, accumulate_grad_batches=2)
    assert len(pruning.pruner.history) == 4
    assert [torch.equal(states[first], states[first + 1]) for first in (0, 2, 4, 6)] == [True] * 4
    assert not torch.equal(states[0], states[7])
    assert pruning.small is not None


def test_a_search_goes_on_from_a_checkpoint_bit_for_bit(tmp_path):
    half, module, undisturbed = Tiny(), Tiny(), Tiny()
    with pytest.warns(UserWarning, match="training ended after 4 of 8 steps of the search, and the network is whole"):
        trainer = fit(half, callback(), loader=HALF)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    pruning = callback()
    fit(module, pruning, loader=HALF, epochs=2, ckpt_path=tmp_path / "half.ckpt")
    fit(undisturbed, callback(), loader=HALF, epochs=2)
    assert len(pruning.pruner.history) == STEPS
    assert same_state(module.model, undisturbed.model)


def test_an_error_in_the_users_code_leaves_no_mask():
    module, pruning = Tiny(fails_at=7), callback()
    with pytest.raises(ZeroDivisionError):
        fit(module, pruning)
    whole = built("residual")
    whole.load_state_dict(module.model.state_dict())
    images = image_batch(4)
    assert not pruning.pruner.keep.all()
    assert torch.equal(module.model.eval()(images), whole.eval()(images))


def test_batches_of_another_form():
    named = DataLoader([{"image": images, "class": labels} for images, labels in batches(STEPS)], batch_size=None)

    class Named(Tiny):
        def training_step(self, batch, batch_idx):
            return super().training_step((batch["image"], batch["class"]), batch_idx)

    pruning = callback(batch=lambda batch: (batch["image"], batch["class"]))
    fit(Named(), pruning, loader=named)
    assert pruning.pruner.history == searched().pruner.history


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        ({"automatic": False}, {}, "expected automatic optimization; try compress.Pruner in training_step"),
        ({}, {"network": "net"}, r"expected the network in Tiny\.net, got no module there; .* one of: model"),
    ],
)
def test_training_that_it_cannot_prune_is_refused_before_the_first_batch(module, options, message):
    tiny = Tiny(**module)
    with pytest.raises(UsageError, match=message):
        fit(tiny, callback(**options))
    assert tiny.losses == []


def test_without_lightning_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "compress.lightning")
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    with pytest.raises(EnvironmentProblem, match=r"pip install lightning"):
        __import__("compress.lightning")
