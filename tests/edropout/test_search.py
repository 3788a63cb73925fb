import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from compress.channels.masks import kept_entries, masked, population_logits
from compress.channels.units import UnitMap, find_units
from compress.edropout.allocation import EvolvedAllocation
from compress.edropout.energy import energy_loss
from compress.edropout.guided import GuidedPopulation
from compress.edropout.paper import PaperPopulation
from compress.edropout.population import Energies
from compress.edropout.search import ONE_BY_ONE, Search, energies_on
from compress.errors import InterruptedRun
from compress.settings.search import SearchSettings
from compress.training.loop import LoopHooks, LoopSettings, run_loop
from compress.training.objective import Objective, Teacher
from compress.training.recipe import PAPER, Recipe
from compress.training.weights import OptimizerSteps
from tests.helpers.networks import (
    built,
    image_batch,
    network_of,
    prunable_of,
    random_state,
    same_state,
    unchanged,
    with_units,
)
from tests.helpers.splits import learnable_split

ADAM = Recipe("adamw", learning_rate=1e-2, weight_decay=1e-1, schedule="one-cycle", clip=5.0)


class OneState:
    """A population of one state that never changes."""

    def __init__(self, state: torch.Tensor) -> None:
        self.state = state
        self.gradients: list[torch.Tensor] = []

    def evolve(self, energy_of, **_progress):
        energy = float(energy_of(self.state.unsqueeze(0))[0])
        return self.state, Energies(energy, energy)

    def learn(self, gradient_U, _loss):
        self.gradients.append(gradient_U.clone())


def searched(network: nn.Module, units: UnitMap, population, recipe: Recipe) -> Search:
    steps = OptimizerSteps(network, recipe, epochs=2, steps_per_epoch=4)
    return Search(network, units, population, steps, Objective(recipe), learnable_split(), SearchSettings(), 8, 25)


def test_only_kept_weights_move():
    for recipe in (ADAM, PAPER):  # momentum, decay and running averages would move the others
        (network, units), split = with_units("residual"), learnable_split()
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


def test_a_step_gives_the_population_the_gradient_of_dropped_units_too_and_measures_energies_in_eval_mode():
    network, units = with_units("plain")
    state = torch.ones(units.total, dtype=torch.bool)
    state[[1, 10]] = False
    population, batches = OneState(state), int(network[1].num_batches_tracked)
    searched(network, units, population, ADAM).step(*next(iter(learnable_split().batches(25))))
    assert population.gradients[0].shape == (units.total,)
    assert (population.gradients[0][[1, 10]] != 0).all()
    assert int(network[1].num_batches_tracked) == batches + 1  # by the training step alone


def test_a_network_that_checkpoints_its_activations_trains_as_one_that_does_not():
    results = []
    for checkpointed in (False, True):
        torch.manual_seed(3)

        def forward(network: nn.Module, images: torch.Tensor, checkpointed=checkpointed) -> torch.Tensor:
            def middle(x: torch.Tensor) -> torch.Tensor:
                return network.second(network.first(x).relu()).relu()

            features = checkpoint(middle, images, use_reentrant=False) if checkpointed else middle(images)
            return network.head(features.mean((2, 3)))

        network = network_of(forward, first=nn.Conv2d(2, 8, 3), second=nn.Conv2d(8, 6, 3), head=nn.Linear(6, 5))
        units = find_units(network, image_batch())
        population = OneState(random_state(units))
        searched(network, units, population, ADAM).step(*next(iter(learnable_split().batches(25))))
        results.append([population.gradients[0], *network.parameters()])
    torch.testing.assert_close(*results)


def test_states_are_judged_with_their_own_batchnorm_statistics_on_request():
    (network, units), images = with_units("residual"), image_batch(9)
    labels, states = torch.arange(9) % 5, torch.stack([random_state(units, seed=seed) for seed in (1, 2)])
    network.train()
    with torch.no_grad():
        expected = []
        for state in states:
            each = copy.deepcopy(network)  # training mode uses the batch's own statistics, and would change the running
            with masked(each, units, state.float()):
                expected.append(energy_loss(each(images).unsqueeze(0), labels)[0])
    network.eval()
    with unchanged(network):
        energies = energies_on(network, units, images, labels, own_statistics=True)(states)
    torch.testing.assert_close(energies, torch.stack(expected))
    assert (energies - energies_on(network, units, images, labels)(states)).abs().min() > 1e-3


def test_states_one_after_the_other_have_the_energies_of_all_at_once():
    (network, units), images = with_units("residual"), image_batch(ONE_BY_ONE)
    labels, states = torch.arange(ONE_BY_ONE) % 5, torch.stack([random_state(units, seed=seed) for seed in range(3)])
    together = energy_loss(population_logits(network, units, states.float(), images), labels)
    torch.testing.assert_close(energies_on(network, units, images, labels)(states), together, rtol=1e-4, atol=1e-4)


def test_energies_may_be_of_the_teachers_answers():
    (network, units), images = with_units("plain"), image_batch(9)
    teacher, labels = built("plain", seed=5), torch.zeros(9, dtype=torch.int64)
    body = searched(network, units, OneState(torch.ones(units.total, dtype=torch.bool)), ADAM)
    body.objective = Objective(ADAM, Teacher(teacher))
    states = torch.ones(1, units.total, dtype=torch.bool)
    body.settings = SearchSettings(answers="teacher", images=9)
    answered = teacher(images).argmax(1)
    assert not torch.equal(answered, labels)
    expected = energies_on(network, units, images, answered)(states)
    torch.testing.assert_close(body._energies(images, labels, states), expected)


def guided(network: nn.Module, units: UnitMap) -> GuidedPopulation:
    generator = torch.Generator().manual_seed(1)
    allocation = EvolvedAllocation(len(units.groups), population=4, generator=generator, settings=SearchSettings())
    return GuidedPopulation(prunable_of(network), allocation, SearchSettings())


def papers(_network, units):
    return PaperPopulation(units, population=4, generator=torch.Generator().manual_seed(1))


def run(population, hooks: LoopHooks | None = None):
    network, units = with_units("residual")
    torch.manual_seed(0)
    body = searched(network, units, population(network, units), ADAM)
    history = run_loop(body, learnable_split(), LoopSettings(2, 25, 0), hooks or LoopHooks())
    return history, body.population.final(), network


@pytest.mark.parametrize("population", [guided, papers])
def test_a_search_ends_within_its_budget_and_equals_a_stopped_and_resumed_one(population):
    history, state, network = run(population)
    assert all(row["energy_best"] <= row["energy_mean"] for row in history)
    if population is guided:
        prunable = prunable_of(built("residual"))
        assert prunable.model.cost(prunable.units.counts(state.unsqueeze(0))[0]).macs <= 0.5 * prunable.model.full.macs
    saved: list[dict] = []
    count = iter(range(1, 100))
    stopping = LoopHooks(
        should_stop=lambda: 15 if next(count) == 5 else None, save=lambda state: saved.append(copy.deepcopy(state))
    )
    with pytest.raises(InterruptedRun):
        run(population, stopping)
    resumed_history, resumed_state, resumed = run(population, LoopHooks(load=lambda: saved[-1]))
    assert resumed_history == history
    assert torch.equal(resumed_state, state)
    assert same_state(resumed, network)
