"""The search: evolution of the population and back-propagation of the weights, switched every mini-batch.

Axes: P population, U units, B batch, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.channels.masks import kept_entries, masked, population_logits
from compress.channels.units import UnitMap
from compress.data.bundle import Split
from compress.edropout.energy import energy_loss
from compress.edropout.population import Population
from compress.training.evaluate import Evaluation, evaluate
from compress.training.weights import OptimizerSteps


@dataclass(frozen=True)
class SearchSettings:
    """Total steps of the search, batch size, and images of each mini-batch on which energies are measured."""

    total_steps: int
    batch_size: int
    energy_images: int


class Search:
    """A loop body (see ``training.loop.Body``): the energy model picks a state, back-propagation trains with it.

    Only the kept weights move: whatever the optimizer did to the weights of dropped units
    (momentum, decay) is undone, so a unit that comes back has the weights it went with.
    """

    def __init__(
        self,
        network: nn.Module,
        units: UnitMap,
        population: Population,
        steps: OptimizerSteps,
        val: Split,
        settings: SearchSettings,
    ) -> None:
        self._network = network
        self._units = units
        self._population = population
        self._steps = steps
        self._val = val
        self._settings = settings
        self._steps_done = 0

    def step(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Evolve once, then take one step with the best state; images (B, C, H, W), labels (B,)."""
        part = slice(self._settings.energy_images)

        def energy_of(states_PU: Tensor) -> Tensor:
            self._network.eval()
            keep = states_PU.to(images)
            logits_PBK = population_logits(self._network, self._units, keep, images[part])
            energies_P = energy_loss(logits_PBK, labels[part]).cpu()
            return energies_P.masked_fill(energies_P.isnan(), torch.inf)  # a state with NaN logits ranks last

        progress = self._steps_done / self._settings.total_steps
        state_U, spread = self._population.evolve(energy_of, progress=progress)
        loss, accuracy = self._train(state_U, images, labels)
        self._steps_done += 1
        kept = float(state_U.float().mean())
        energies = {"energy_best": spread.best, "energy_mean": spread.mean}
        return {"loss": loss, "accuracy": accuracy, "kept_units": kept, **energies}

    def _train(self, state_U: Tensor, images: Tensor, labels: Tensor) -> tuple[float, float]:
        self._network.train()
        keep = state_U.to(images).requires_grad_()
        with masked(self._network, self._units, keep):
            logits = self._network(images)
        loss = functional.cross_entropy(logits, labels)
        whole = bool(state_U.all())
        before = {} if whole else {name: p.detach().clone() for name, p in self._network.named_parameters()}
        self._steps.take(loss)
        if not whole:
            self._restore_dropped(state_U, before)
        assert keep.grad is not None
        self._population.learn(keep.grad, float(loss.detach()))
        return float(loss.detach()), float((logits.argmax(1) == labels).float().mean())

    @torch.no_grad()
    def _restore_dropped(self, state_U: Tensor, before: Mapping[str, Tensor]) -> None:
        for name, keep in kept_entries(self._network, self._units, state_U).items():
            if name in before:
                parameter = self._network.get_parameter(name)
                parameter.copy_(torch.where(keep, parameter, before[name]))

    def end_epoch(self, epoch: int) -> dict[str, float]:  # noqa: ARG002
        """Validation loss and accuracy with the state in use."""
        result = self.validate(self._population.in_use())
        return {"val_loss": result.loss, "val_accuracy": result.accuracy}

    def validate(self, state_U: Tensor) -> Evaluation:
        """The network with a state (bool U), on the validation split."""
        with masked(self._network, self._units, state_U.to(next(self._network.parameters()))):
            return evaluate(self._network, self._val, batch_size=self._settings.batch_size)

    def finished(self) -> bool:
        """True where the population has converged."""
        return self._population.converged()

    def state_dict(self) -> dict[str, Any]:
        """State of the weights, the optimizer, the population and the step count."""
        return {
            "network": self._network.state_dict(),
            "steps": self._steps.state_dict(),
            "population": self._population.state_dict(),
            "steps_done": self._steps_done,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._network.load_state_dict(state["network"])
        self._steps.load_state_dict(state["steps"])
        self._population.load_state_dict(state["population"])
        self._steps_done = state["steps_done"]
