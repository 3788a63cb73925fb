"""The search: evolution of the population and back-propagation of the weights, switched every mini-batch.

Axes: P population, U units, B batch, K classes.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from compress.channels.masks import masked, population_logits
from compress.channels.units import UnitMap
from compress.data.bundle import Split
from compress.edropout.dropped_weights import DroppedWeights
from compress.edropout.energy import energy_loss
from compress.edropout.population import EnergyOf, Population, Resumable
from compress.tracing.forward_pass import evaluating
from compress.training.evaluate import Evaluation, evaluate
from compress.training.objective import Objective
from compress.training.weights import OptimizerSteps


def energies_on(network: nn.Module, units: UnitMap, images: Tensor, labels: Tensor) -> EnergyOf:
    """The energy losses of states on images (B, C, H, W) and labels (B,), in evaluation mode; NaN ranks last."""

    def energy_of(states_PU: Tensor) -> Tensor:
        with evaluating(network):
            logits_PBK = population_logits(network, units, states_PU.to(images), images)
        energies_P = energy_loss(logits_PBK, labels).cpu()
        return energies_P.masked_fill(energies_P.isnan(), torch.inf)

    return energy_of


@dataclass(eq=False)
class Search(Resumable):
    """A loop body (see ``training.loop.Body``): the energy model picks a state, back-propagation trains with it.

    Only the kept weights move: whatever the optimizer did to those of dropped units (momentum, decay) is undone.
    Energies are measured on the first images of a mini-batch, as many as the population asks for.
    """

    RESUMED: ClassVar = {name: name for name in ("network", "steps", "population", "steps_done")}

    network: nn.Module
    units: UnitMap
    population: Population
    steps: OptimizerSteps
    objective: Objective
    val: Split
    total_steps: int
    batch_size: int
    steps_done: int = 0

    def step(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Evolve once, then take one step with the best state; images (B, C, H, W), labels (B,)."""
        few = self.population.energy_images
        energy_of = energies_on(self.network, self.units, images[:few], labels[:few])
        progress = self.steps_done / self.total_steps
        state_U, energies = self.population.evolve(energy_of, progress=progress)
        rate = self.steps.learning_rate
        loss, accuracy = self._train(state_U, images, labels)
        self.steps_done += 1
        kept = float(state_U.float().mean())
        energy = {f"energy_{name}": value for name, value in asdict(energies).items()}
        return {"loss": loss, "accuracy": accuracy, "kept_units": kept, **energy, "learning_rate": rate}

    def _train(self, state_U: Tensor, images: Tensor, labels: Tensor) -> tuple[float, float]:
        keep = state_U.to(images).requires_grad_()
        with masked(self.network, self.units, keep):
            logits = self.objective.recipe.logits(self.network, images)
        loss = self.objective.loss(images, logits, labels)
        dropped = DroppedWeights(self.network, self.units, state_U)
        before = dropped.save()
        self.steps.take(loss)
        dropped.restore(before)
        assert keep.grad is not None
        self.population.learn(keep.grad, float(loss.detach()))
        return float(loss.detach()), float((logits.argmax(1) == labels).float().mean())

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
