"""``Pruner``: EDropout in the user's own training loop.

Axes: U units, B batch.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from compress.api.batches import check_batch, check_classes, logits_seen
from compress.api.optimizer_guard import OptimizerGuard
from compress.api.preparation import PrunerSettings, SearchMethod
from compress.api.pruning_report import PruningReport, describe_state
from compress.api.wrappers import mean_over_ranks, unwrap, with_layers_of
from compress.channels.masks import kept_positions, masked
from compress.edropout.dropped_weights import DroppedWeights
from compress.edropout.population import Energies
from compress.edropout.search import energies_on
from compress.errors import DivergedError, UsageError
from compress.settings.search import SearchSettings
from compress.structure.plan import plan_from_state
from compress.structure.remove import logits_of, remove_units
from compress.training.optimizer_surgery import swap_parameters

CHECK_IMAGES = 64
"""Example images, at most, on which the masked and the smaller network are compared."""

_SEARCH = SearchSettings()


class Step(NamedTuple):
    """One step of the search, for plots."""

    loss: float
    """Cross-entropy of the masked network."""
    energy_best: float
    """Lowest energy loss of the population."""
    energy_mean: float
    """Its mean energy loss."""
    kept_macs: float
    """Share of the multiply-accumulates that the state in use keeps."""


class Pruner:
    """Prunes a classifier by EDropout while the user's own loop trains it.

    Every step a population of states (which units to drop) evolves on a few images of the mini-batch, and the weights
    train with one of them: the others' channels are masked, and the optimizer does not move their weights. The budget
    shrinks from the whole network to ``keep_macs`` over the first 75 % of ``steps``; for the last 10 % the state stays
    the same. The module itself is never changed but for its weights, which the optimizer trains.

    Args:
        model: the network, or the network in DDP, ``torch.compile`` or ``DataParallel`` on one device. It maps images
            (B, C, H, W) to logits (B, K), K >= 2. Call it as usual; units are those of the network inside.
        example: a few images as the network takes them, real ones if possible. On up to 64 of them the smaller network
            is compared with the masked one.
        keep_macs: share of the multiply-accumulates to keep, 0 to 1; by default 0.5, unless ``keep_params`` is given.
        keep_params: share of the parameters to keep.
        steps: mini-batches that the search takes: an epoch's, or a few epochs'.
        population: number of states that compete.
        align: keep channels in multiples of this number; "auto" is what this machine's processor prefers.
        method: "edropout", or "saliency" for the same search without its population.
        seed: of the population.

    Raises:
        UsageError: nothing can be pruned, the budget is out of reach, it is no classifier.
    """

    def __init__(  # noqa: PLR0913
        self,
        model: nn.Module,
        example: Tensor,
        *,
        steps: int,
        keep_macs: float | None = None,
        keep_params: float | None = None,
        population: int = 8,
        align: int | Literal["auto"] = "auto",
        method: SearchMethod = "edropout",
        seed: int = 0,
    ) -> None:
        self._settings = PrunerSettings(steps, keep_macs, keep_params, population, align, method, seed)
        self.model = model
        self._network = unwrap(model)
        self._mean = mean_over_ranks(model)
        self._example = example[:CHECK_IMAGES].to(next(self._network.parameters()).device)
        self._prunable = self._settings.prunable(self._network, self._example)
        self._classes = check_classes(logits_of(self._network, self._example[:2]))
        self._population = self._settings.begin(self._prunable, _SEARCH)
        self._guard = OptimizerGuard()
        self._history: list[Step] = []

    def step(self, images: Tensor, labels: Tensor, optimizer: Optimizer) -> Tensor:
        """One step of the search on a mini-batch: evolve, forward and backward pass with a state, optimizer step.

        Images (B, C, H, W) and class numbers, int64 (B,). The model's mode is the user's: call ``model.train()``.
        Returns the cross-entropy, a tensor without a graph. DivergedError if it is not finite; the optimizer has not
        moved then. UsageError for labels that are no class numbers.
        """
        with self.state(images, labels):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(self.model(images), labels)
            if not loss.isfinite():
                raise DivergedError(
                    f"the loss became {float(loss.detach())} at step {len(self._history) + 1}; "
                    "try a smaller learning rate, or check the images' normalisation"
                )
            loss.backward()
            optimizer.step()
        return loss.detach()

    @contextmanager
    def state(
        self, images: Tensor, labels: Tensor, *, scaler: torch.amp.GradScaler | None = None
    ) -> Iterator[nn.Module]:
        """One step of the search with the user's own loss: inside, the model runs masked by the state in use.

        On entry the population evolves on some of the images. The forward and the backward pass belong inside, in as
        many parts as the user likes (gradient accumulation). On exit the population learns from the gradient that
        reached the mask; give the ``scaler`` of a mixed-precision loop, so that its scale is taken out again. The
        optimizer's step may come inside or after it: until the next state, or ``remove``, whatever an optimizer does
        to weights of dropped units is undone at the end of its step.

        Args:
            images: the mini-batch (B, C, H, W), which the model is to be called with.
            labels: class numbers, int64 (B,); whatever the loss is.
            scaler: what scales the loss, if anything does.

        Yields:
            The model as it was given.

        Raises:
            UsageError: labels are no class numbers; on exit, if no gradient reached the mask.
        """
        check_batch(images, labels, classes=self._classes)
        units, scale = self._prunable.units, scaler.get_scale() if scaler else 1.0
        keep_U, energies = self._evolve(images, labels)
        self._guard.hold(DroppedWeights(self._network, units, keep_U))
        keep = keep_U.to(images).requires_grad_()
        eager = torch.compiler.set_stance("force_eager")  # a compiled network would not see the mask
        with eager, masked(self._network, units, keep), logits_seen(self._network) as logits:
            yield self.model
        if keep.grad is None:
            raise UsageError(
                "no gradient reached the mask: call the model and loss.backward() inside `with pruner.state(...)`"
            )
        loss = float(self._mean(functional.cross_entropy(_first(logits, len(labels)), labels)))
        gradient = self._mean(keep.grad.float() / scale)
        if gradient.isfinite().all():  # a gradient scaler left this step out, too
            self._population.learn(gradient, loss)
        kept_macs = self._prunable.cost(keep_U).macs / self._prunable.model.full.macs
        self._history.append(Step(loss, energies.best, energies.mean, kept_macs))

    def remove(self, network: nn.Module | None = None, *, optimizer: Optimizer | None = None) -> nn.Module:
        """A smaller copy without the dropped channels, checked to give the logits of the masked network.

        Before the search is over the state is the best one known, brought to the budget.

        Args:
            network: cut this one instead, with the same layers: the average of an ``AveragedModel``, for example.
            optimizer: let this optimizer go on with the smaller network's parameters, in place. Its groups and
                settings stay, its state is cut along, so a scheduler goes on as well. A warning names state that
                cannot be cut and starts fresh.

        Returns:
            An ordinary module, without any wrapper, in the mode of the one it was cut from.

        Raises:
            CheckFailedError: the smaller network's logits differ from the masked one's.
            UsageError: no step was taken yet; another network or optimizer does not belong to the model.
        """
        if not self._history:
            raise UsageError("nothing was learnt yet: take some steps with pruner.step(...) or pruner.state(...)")
        whole = self._network if network is None else with_layers_of(self._network, unwrap(network))
        keep_U = self._population.final()
        smaller = remove_units(whole, self._prunable.units, keep_U, self._example).network
        self._guard.release()
        if optimizer is not None:
            swap_parameters(optimizer, whole, smaller, kept_positions(whole, self._prunable.units, keep_U))
        return smaller

    @property
    def keep(self) -> Tensor:
        """The state in use: for every unit whether it is kept, bool (U,)."""
        return self._population.in_use()

    @property
    def kept(self) -> Mapping[str, tuple[int, ...]]:
        """Layer -> channels that the state in use keeps; other layers keep all, or go with one of these."""
        return plan_from_state(self._prunable.units, self.keep).kept

    def report(self) -> PruningReport:
        """What the state in use keeps, and why some layers are not pruned; ``print`` shows a table."""
        return describe_state(self._prunable, self.keep, progress=self.progress)

    @property
    def history(self) -> tuple[Step, ...]:
        """Every step so far."""
        return tuple(self._history)

    @property
    def progress(self) -> float:
        """Share of the search that is done, 0 to 1."""
        return min(len(self._history) / self._settings.steps, 1.0)

    def state_dict(self) -> dict[str, Any]:
        """What the search needs to go on in another process, in plain tensors and numbers.

        Save with it the states of the model, the optimizer and the scheduler, and torch's random state if the loop
        uses it (dropout, shuffling): then the search goes on bit for bit.
        """
        return {
            "settings": asdict(self._settings),
            "units": [[group.root, group.size] for group in self._prunable.units.groups],
            "population": copy.deepcopy(self._population.state_dict()),
            "history": [list(row) for row in self._history],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of a pruner with the same model and settings; UsageError for another one's."""
        ours = self.state_dict()
        for part in ("settings", "units"):
            if state.get(part) != ours[part]:
                raise UsageError(
                    f"expected the state of a pruner with {part} {ours[part]}, got one with {state.get(part)}"
                )
        self._population.load_state_dict(copy.deepcopy(state["population"]))
        self._history = [Step(*row) for row in state["history"]]

    def _evolve(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Energies]:
        few = slice(_SEARCH.images)
        energy_of = energies_on(self._network, self._prunable.units, images[few], labels[few])
        return self._population.evolve(lambda states: self._mean(energy_of(states)).cpu(), progress=self.progress)


def _first(logits: list[Tensor], images: int) -> Tensor:
    """The logits (B, K) of a mini-batch from those of its parts."""
    seen = torch.cat(logits)[:images]
    if len(seen) < images:
        raise UsageError(f"expected the model to be called on {images} images inside the state, it saw {len(seen)}")
    return seen
