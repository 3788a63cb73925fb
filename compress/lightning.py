"""EDropout in Lightning's training loop: ``EDropoutCallback``. It needs the extra ``[lightning]``."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn

from compress.api import Pruner
from compress.errors import EnvironmentProblem, UsageError

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError as error:
    raise EnvironmentProblem(f"compress.lightning needs Lightning ({error}): pip install lightning") from None

Batch = Callable[[Any], tuple[Tensor, Tensor]]
"""A batch of the data loader -> images (B, C, H, W) and class numbers, int64 (B,)."""


class EDropoutCallback(Callback):
    """Prunes the network of a LightningModule while Lightning trains it, and puts the smaller one in its place.

    For automatic optimization in one process. For the first ``steps`` steps of the optimizer the
    training step runs masked by EDropout's state in use (see ``compress.Pruner``). Then ``module.network`` becomes the
    smaller network, the optimizer goes on with its parameters, and the remaining epochs fine-tune it. Accumulated
    gradients are of one state. Energies and the share of kept MACs are logged as ``edropout/...``.

    Args:
        steps: of the optimizer, that the search takes: those of one to a few epochs.
        network: the attribute of the LightningModule that holds the network, which ``training_step`` calls. It maps
            images to logits.
        batch: images and class numbers of a batch, where it is no pair of them.
        options: of ``compress.Pruner``, such as ``keep_macs=0.5``.
    """

    def __init__(
        self, *, steps: int, network: str = "model", batch: Batch = lambda batch: (batch[0], batch[1]), **options: Any
    ) -> None:
        self.pruner: Pruner | None = None
        """The search, from the first batch on."""
        self.small: nn.Module | None = None
        """The smaller network, once the search is over."""
        self._steps, self._network, self._batch, self._options = steps, network, batch, options
        self._open = ExitStack()  # the state in use, until the optimizer's step
        self._opened_at: int | None = None
        self._saved: Mapping[str, Any] | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raise UsageError for training that a callback cannot prune."""
        if not pl_module.automatic_optimization:
            raise UsageError("expected automatic optimization; try compress.Pruner in training_step")
        if trainer.world_size > 1:
            raise UsageError(f"expected one process, got {trainer.world_size}; try compress.Pruner, which knows DDP")
        if not isinstance(getattr(pl_module, self._network, None), nn.Module):
            names = ", ".join(name for name, _child in pl_module.named_children()) or "none"
            raise UsageError(
                f"expected the network in {type(pl_module).__name__}.{self._network}, got no module there; "
                f"try network=... with one of: {names}"
            )

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, *_index: int) -> None:
        """Evolve on the batch, and mask the network until the optimizer's step."""
        if self.small is not None or self._opened_at is not None:
            return
        images, labels = self._batch(batch)
        if self.pruner is None:
            self.pruner = Pruner(getattr(pl_module, self._network), images, steps=self._steps, **self._options)
            if self._saved is not None:
                self.pruner.load_state_dict(self._saved)
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        self._open.enter_context(self.pruner.state(images, labels, scaler=scaler))
        self._opened_at = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_batch: Any) -> None:
        """After the optimizer's step the state has been learnt from; after the last, cut the network."""
        if self.pruner is None or self._opened_at in (None, trainer.global_step):
            return
        self._opened_at = None
        self._open.close()
        last = self.pruner.history[-1]._asdict()
        pl_module.log_dict({f"edropout/{name}": value for name, value in last.items()})
        if self.pruner.progress == 1:
            self.small = self.pruner.remove(optimizer=trainer.optimizers[0])
            setattr(pl_module, self._network, self.small)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Warn if training was too short for the search."""
        if self.small is None:
            done = len(self.pruner.history) if self.pruner else 0
            warnings.warn(
                f"training ended after {done} of {self._steps} steps of the search, and the network is whole; try more "
                "epochs, or fewer steps",
                stacklevel=2,
            )

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:  # noqa: ARG002
        """Take the mask off."""
        self._opened_at = None
        self._open.__exit__(type(exception), exception, exception.__traceback__)

    def state_dict(self) -> dict[str, Any]:
        """The search, for Lightning's checkpoints."""
        return {} if self.pruner is None or self.small is not None else {"pruner": self.pruner.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the search of a checkpoint."""
        self._saved = state_dict.get("pruner")
