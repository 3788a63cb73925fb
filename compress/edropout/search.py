"""The search: evolution of the population and back-propagation of the weights, switched every mini-batch.

Axes: P population, U units, B batch, K classes.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from compress.channels.masks import masked, population_logits
from compress.channels.units import UnitMap
from compress.data.bundle import Split
from compress.edropout.dropped_weights import DroppedWeights
from compress.edropout.energy import energy_loss
from compress.edropout.population import EnergyOf, Population, Resumable
from compress.settings.search import SearchSettings
from compress.tracing.forward_pass import evaluating
from compress.training.evaluate import Evaluation, evaluate
from compress.training.objective import Objective
from compress.training.recipe import batchnorms
from compress.training.weights import OptimizerSteps

ONE_BY_ONE = 16
"""With at least so many images, a CPU judges one state after the other, in half the time of all at once."""


def energies_on(
    network: nn.Module, units: UnitMap, images: Tensor, labels: Tensor, *, own_statistics: bool = False
) -> EnergyOf:
    """The energy losses of states on images (B, C, H, W) and labels (B,), in evaluation mode; NaN ranks last.

    ``own_statistics``: BatchNorm takes each state's own statistics on these images, which have to be at least two.
    """
    one_by_one = own_statistics or (images.device.type == "cpu" and len(images) >= ONE_BY_ONE)

    def energy_of(states_PU: Tensor) -> Tensor:
        states = states_PU.to(images)
        with evaluating(network):
            if one_by_one:
                with _own_statistics(network) if own_statistics else nullcontext():
                    logits_PBK = torch.stack([_logits(network, units, state, images) for state in states])
            else:
                logits_PBK = population_logits(network, units, states, images)
        energies_P = energy_loss(logits_PBK, labels).cpu()
        return energies_P.masked_fill(energies_P.isnan(), torch.inf)

    return energy_of


@torch.no_grad()
def _logits(network: nn.Module, units: UnitMap, state_U: Tensor, images: Tensor) -> Tensor:
    with masked(network, units, state_U):
        logits: Tensor = network(images)
    return logits


@contextmanager
def _own_statistics(network: nn.Module) -> Iterator[None]:
    """Inside, BatchNorm takes the statistics of what it is shown; the running ones stay."""
    norms = [norm for norm in batchnorms(network) if norm.track_running_stats]
    before = [(norm.momentum, None if (n := norm.num_batches_tracked) is None else n.clone()) for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches


@dataclass(eq=False)
class Search(Resumable):
    """A loop body (see ``training.loop.Body``): the energy model picks a state, back-propagation trains with it.

    Only the kept weights move: whatever the optimizer did to those of dropped units (momentum, decay) is undone.
    Energies are measured on the first ``settings.images`` of a mini-batch.
    """

    RESUMED: ClassVar = {name: name for name in ("network", "steps", "population", "steps_done")}

    network: nn.Module
    units: UnitMap
    population: Population
    steps: OptimizerSteps
    objective: Objective
    val: Split
    settings: SearchSettings
    total_steps: int
    batch_size: int
    steps_done: int = 0
    _dropped: tuple[Tensor, DroppedWeights] | None = None  # of the last step's state

    def step(self, images: Tensor, labels: Tensor, places: Tensor | None = None) -> dict[str, float]:
        """Evolve once, then take one step with the state in use; images (B, C, H, W), labels and places (B,)."""
        progress = self.steps_done / self.total_steps
        state_U, energies = self.population.evolve(partial(self._energies, images, labels), progress=progress)
        rate = self.steps.learning_rate
        loss, accuracy = self._train(state_U, images, labels, places)
        self.steps_done += 1
        kept = float(state_U.float().mean())
        energy = {f"energy_{name}": value for name, value in asdict(energies).items()}
        return {"loss": loss, "accuracy": accuracy, "kept_units": kept, **energy, "learning_rate": rate}

    def _energies(self, images: Tensor, labels: Tensor, states_PU: Tensor) -> Tensor:
        few, teacher = self.settings.images, self.objective.teacher
        images, right = images[:few], labels[:few]
        if self.settings.answers == "teacher" and teacher is not None:
            right = teacher.answers(images).argmax(1)
        own = self.settings.batchnorm == "batch"
        return energies_on(self.network, self.units, images, right, own_statistics=own)(states_PU)

    def _train(self, state_U: Tensor, images: Tensor, labels: Tensor, places: Tensor | None) -> tuple[float, float]:
        keep, dropped = state_U.to(images).requires_grad_(), self._dropped_by(state_U)
        with masked(self.network, self.units, keep):  # with activation checkpointing, layers run again going back
            logits = self.objective.recipe.logits(self.network, images)
            loss = self.objective.loss(images, logits, labels, places_B=places)
            before = dropped.save()
            self.steps.take(loss)
        dropped.restore(before)
        assert keep.grad is not None
        self.population.learn(keep.grad, float(loss.detach()))
        return float(loss.detach()), float((logits.argmax(1) == labels).float().mean())

    def _dropped_by(self, state_U: Tensor) -> DroppedWeights:
        """The weights that a state drops; found once for all steps between two generations."""
        if self._dropped is None or not torch.equal(self._dropped[0], state_U):
            self._dropped = state_U.clone(), DroppedWeights(self.network, self.units, state_U)
        return self._dropped[1]

    def end_epoch(self, epoch: int) -> dict[str, float]:  # noqa: ARG002
        """Validation loss and accuracy with the state in use."""
        result = self.validate(self.population.in_use())
        return {"val_loss": result.loss, "val_accuracy": result.accuracy}

    def validate(self, state_U: Tensor) -> Evaluation:
        """The network with a state (bool U), on the validation split."""
        with masked(self.network, self.units, state_U.to(next(self.network.parameters()))):
            return evaluate(self.network, self.val, batch_size=self.batch_size)

    def finished(self) -> bool:
        """True where the population has converged."""
        return self.population.converged()
