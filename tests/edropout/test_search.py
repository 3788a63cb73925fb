import copy

import pytest
import torch
from torch import nn

from compress.channels.budget import Budget, Prunable, allowed_counts
from compress.channels.costs import build_cost_model
from compress.channels.masks import kept_entries
from compress.channels.units import UnitMap, find_units
from compress.edropout.allocation import EvolutionSettings, EvolvedAllocation
from compress.edropout.guided import GuidedPopulation, GuidedSettings
from compress.edropout.paper import PaperPopulation
from compress.edropout.population import Spread
from compress.edropout.search import Search, SearchSettings
from compress.errors import InterruptedRun
from compress.training.loop import LoopHooks, LoopSettings, run_loop
from compress.training.optimizers import PAPER, Recipe
from compress.training.weights import OptimizerSteps
from tests.helpers.networks import built, image_batch
from tests.helpers.splits import learnable_split

ADAM = Recipe("adamw", learning_rate=1e-2, weight_decay=1e-1, schedule="one-cycle", clip=5.0)


class OneState:
    """A population of one state that never changes."""

    def __init__(self, state: torch.Tensor) -> None:
        self.state = state
        self.gradients: list[torch.Tensor] = []

    def evolve(self, energy_of, **_progress):
        energy = float(energy_of(self.state.unsqueeze(0))[0])
        return self.state, Spread(energy, energy)

    def learn(self, gradient_U, _loss):
        self.gradients.append(gradient_U.clone())


def searched(network: nn.Module, units: UnitMap, population, recipe: Recipe) -> Search:
    steps = OptimizerSteps(network, recipe, epochs=2, steps_per_epoch=4)
    return Search(network, units, population, steps, learnable_split(), SearchSettings(8, 25, 10))


def test_only_kept_weights_move():
    for recipe in (ADAM, PAPER):  # momentum, decay and running averages would move the others
        network, split = built("residual"), learnable_split()
        units = find_units(network, image_batch())
        state = torch.ones(units.total, dtype=torch.bool)
        body = searched(network, units, OneState(state), recipe)
        batches = list(split.batches(25))
        body.step(*batches[0])  # fills the optimizer's averages
        state[[0, 3, 9, 11]] = False
        before = copy.deepcopy(dict(network.named_parameters()))
        body.step(*batches[1])
        entries = kept_entries(network, units, state)
        moved = 0
        for name, parameter in network.named_parameters():
            changed = parameter != before[name]
            if name in entries:
                assert not changed[~entries[name].expand_as(parameter)].any(), name
            moved += int(changed.sum())
        assert moved > 500


def test_the_mask_gradient_reaches_the_population_for_dropped_units_too():
    network = built("plain")
    units = find_units(network, image_batch())
    state = torch.ones(units.total, dtype=torch.bool)
    state[[1, 10]] = False
    population = OneState(state)
    searched(network, units, population, ADAM).step(*next(iter(learnable_split().batches(25))))
    assert population.gradients[0].shape == (units.total,)
    assert (population.gradients[0][[1, 10]] != 0).all()


def test_energies_are_measured_without_touching_batchnorm():
    network = built("plain")
    units = find_units(network, image_batch())
    body = searched(network, units, OneState(torch.ones(units.total, dtype=torch.bool)), ADAM)
    batches = int(network[1].num_batches_tracked)
    body.step(*next(iter(learnable_split().batches(25))))
    assert int(network[1].num_batches_tracked) == batches + 1  # by the training step alone


def guided(network: nn.Module, units: UnitMap) -> GuidedPopulation:
    model = build_cost_model(network, units, image_batch())
    rules = Prunable(units, model, allowed_counts(units, 1), Budget(macs=0.5))
    generator = torch.Generator().manual_seed(1)
    allocation = EvolvedAllocation(len(units.groups), EvolutionSettings(), population=4, generator=generator)
    return GuidedPopulation(rules, allocation, GuidedSettings())


def run(network: nn.Module, population, hooks: LoopHooks | None = None):
    torch.manual_seed(0)
    units = find_units(network, image_batch())
    body = searched(network, units, population(network, units), ADAM)
    return run_loop(body, learnable_split(), LoopSettings(2, 25, 0), hooks or LoopHooks()), body


def test_a_search_ends_within_its_budget_and_tells_its_energies():
    network = built("residual")
    history, body = run(network, guided)
    units = find_units(network, image_batch())
    model = build_cost_model(network, units, image_batch())
    state = body._population.final()
    assert model.cost(units.counts(state.unsqueeze(0))[0]).macs <= 0.5 * model.full.macs
    assert all(row["energy_best"] <= row["energy_mean"] for row in history)


def papers(_network, units):
    return PaperPopulation(units, population=4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("population", [guided, papers])
def test_a_stopped_and_resumed_search_equals_an_undisturbed_one(population):
    undisturbed = built("residual")
    expected, body = run(undisturbed, population)
    saved: list[dict] = []
    count = iter(range(1, 100))
    hooks = LoopHooks(
        should_stop=lambda: 15 if next(count) == 5 else None,
        save=lambda state: saved.append(copy.deepcopy(state)),
    )
    with pytest.raises(InterruptedRun):
        run(built("residual"), population, hooks)
    resumed = built("residual")
    history, again = run(resumed, population, LoopHooks(load=lambda: saved[-1]))
    assert history == expected
    assert torch.equal(again._population.final(), body._population.final())
    for ours, theirs in zip(resumed.state_dict().values(), undisturbed.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
