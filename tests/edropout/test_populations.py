import copy

import pytest
import torch

from compress.channels.budget import Budget, Prunable, allowed_counts
from compress.channels.costs import build_cost_model
from compress.channels.units import UnitMap, find_units
from compress.controls.anneal import AnnealedAllocation, AnnealingSettings
from compress.edropout.allocation import Allocation, EvolutionSettings, EvolvedAllocation, SaliencyAlone
from compress.edropout.guided import GuidedPopulation, GuidedSettings
from compress.edropout.paper import PaperPopulation
from compress.edropout.population import never_empty
from tests.helpers.networks import built, image_batch


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def prunable(name: str = "plain", share: float = 0.5) -> Prunable:
    network, images = built(name), image_batch()
    units = find_units(network, images)
    model = build_cost_model(network, units, images)
    return Prunable(units, model, allowed_counts(units, 1), Budget(macs=share))


def evolved(rules: Prunable, *, seed: int = 0) -> EvolvedAllocation:
    return EvolvedAllocation(len(rules.units.groups), EvolutionSettings(), population=6, generator=generator(seed))


def guided(*, seed: int = 0, share: float = 0.5, allocation: Allocation | None = None) -> GuidedPopulation:
    rules = prunable(share=share)
    return GuidedPopulation(rules, allocation or evolved(rules, seed=seed), GuidedSettings())


def taught(population: GuidedPopulation, saliency: torch.Tensor) -> GuidedPopulation:
    for _ in range(5):
        population.learn(saliency, 1.0)
    return population


class Energies:
    """An energy that a test can see through: the number of kept units among some, or its negative."""

    def __init__(self, wanted: torch.Tensor) -> None:
        self.wanted = wanted
        self.calls: list[torch.Tensor] = []

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        self.calls.append(states)
        return -(states[:, self.wanted].float().sum(1))


def paper(units: UnitMap, *, seed: int = 0, size: int = 8) -> PaperPopulation:
    return PaperPopulation(units, population=size, generator=generator(seed))


def test_the_papers_population_starts_at_one_half():
    units = find_units(built("concat"), image_batch())
    share = torch.stack([paper(units, seed=seed).state_dict()["states"] for seed in range(60)]).float().mean()
    assert share.item() == pytest.approx(0.5, abs=0.03)


def test_the_papers_parents_are_judged_once_and_keep_their_energies():
    units = find_units(built("concat"), image_batch())
    population, energy = paper(units), Energies(torch.arange(units.total))
    population.evolve(energy, progress=0.0)
    assert [len(call) for call in energy.calls] == [8, 8]  # parents once, then trials
    population.evolve(energy, progress=0.0)
    assert [len(call) for call in energy.calls] == [8, 8, 8]
    before = population.state_dict()["energies"].clone()
    population.evolve(lambda states: torch.full((len(states),), 1e9), progress=0.0)  # nothing beats the stale energies
    assert torch.equal(population.state_dict()["energies"], before)


def test_a_generation_of_the_papers_algorithm_by_hand():
    """One unit per group would be emptied; six units in one group, followed through the paper's equations."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(288, 6), torch.nn.Linear(6, 3))
    units = find_units(network, image_batch())
    population = paper(units, seed=2, size=4)
    states = population.state_dict()["states"].clone()
    replay = generator(2)
    torch.rand(4, 6, generator=replay)  # the start
    energies = []

    def energy_of(trials: torch.Tensor) -> torch.Tensor:
        energies.append(trials.clone())
        return trials.float().sum(1) - 3.0  # fewer units, lower energy

    best, spread = population.evolve(energy_of, progress=0.0)
    scores = torch.rand(4, 4, generator=replay).fill_diagonal_(-1.0)
    parents = scores.topk(3, dim=1).indices.T
    r, r_cross = torch.rand(4, 6, generator=replay), torch.rand(4, 6, generator=replay)
    for i in range(4):
        i1, i2, i3 = parents[:, i].tolist()
        trial = []
        for d in range(6):
            v = 1 - int(states[i1, d]) if states[i2, d] != states[i3, d] and r[i, d] < 0.9 else int(states[i1, d])
            trial.append(v if r_cross[i, d] <= 0.5 else int(states[i, d]))
        assert energies[1][i].int().tolist() == trial
        wins = sum(trial) < int(states[i].sum())
        assert population.state_dict()["states"][i].int().tolist() == (trial if wins else states[i].int().tolist())
    assert int(best.sum()) - 3.0 == spread.best
    assert spread.mean == pytest.approx(population.state_dict()["states"].float().sum(1).mean().item() - 3.0)


def test_the_papers_population_converges_when_mean_and_best_energy_meet():
    units = find_units(built("plain"), image_batch())
    population = paper(units)
    assert not population.converged()
    population.evolve(lambda states: states.float().sum(1), progress=0.0)
    assert not population.converged()
    population = paper(units)
    population.evolve(lambda states: torch.zeros(len(states)), progress=0.0)
    assert population.converged()


def test_no_group_is_emptied():
    units = find_units(built("residual"), image_batch())
    states = never_empty(torch.zeros(3, units.total, dtype=torch.bool), units, generator())
    assert units.counts(states).tolist() == [[1, 1]] * 3


@pytest.mark.parametrize("progress", [0.65, 0.9])
def test_guided_states_meet_the_budget_after_the_shrinking(progress: float):
    population = taught(guided(), torch.rand(14, generator=generator(1)))
    state, _ = population.evolve(Energies(torch.arange(14)), progress=progress)
    rules = prunable()
    cost = rules.model.cost(rules.units.counts(state.unsqueeze(0))[0])
    assert cost.macs <= 0.5 * rules.model.full.macs


def test_the_whole_network_is_used_while_guidance_warms_up():
    population = taught(guided(), torch.rand(14))
    state, _ = population.evolve(Energies(torch.arange(14)), progress=0.05)
    assert state.all()


def test_without_evolution_saliency_alone_decides():
    saliency = torch.linspace(1.0, 14.0, 14)
    population = taught(guided(allocation=SaliencyAlone(2)), saliency)
    state, _ = population.evolve(Energies(torch.arange(14)), progress=0.7)
    for group in prunable().units.groups:
        kept = state[group.units]
        assert kept.tolist() == sorted(kept.tolist())  # of rising saliency the last are kept


def test_parents_are_judged_again_with_their_trials_on_the_same_batch():
    population, energy = taught(guided(), torch.rand(14)), Energies(torch.arange(14))
    for _ in range(3):
        population.evolve(energy, progress=0.7)
    assert [len(call) for call in energy.calls] == [12, 12, 12]


def test_evolution_shifts_the_allocation_to_where_energy_asks_for_it():
    saliency = torch.ones(14)
    first = torch.arange(8)  # the first group's units
    population = taught(guided(share=0.5), saliency)
    before = population.evolve(Energies(first), progress=0.65)[0][first].sum()
    for _ in range(40):
        state, _ = population.evolve(Energies(first), progress=0.7)
    assert state[first].sum() >= before
    assert state[first].sum() > 4
    offsets = population.state_dict()["allocation"]["offsets"]
    assert offsets.abs().max() <= 1.0


def test_a_winner_that_trains_badly_is_drawn_back():
    population = taught(guided(), torch.rand(14))
    population.evolve(Energies(torch.arange(8)), progress=0.7)
    chosen = population.state_dict()["allocation"]["chosen"]
    before = population.state_dict()["allocation"]["offsets"][chosen].clone()
    population.learn(torch.ones(14), 100.0)
    assert torch.equal(population.state_dict()["allocation"]["offsets"][chosen], before / 2)


def test_the_state_stays_once_frozen():
    population = taught(guided(), torch.rand(14))
    frozen, _ = population.evolve(Energies(torch.arange(14)), progress=0.85)
    population.learn(torch.linspace(9.0, 1.0, 14), 1.0)
    again, _ = population.evolve(Energies(torch.arange(3)), progress=0.9)
    assert torch.equal(again, frozen)
    assert torch.equal(population.final(), frozen)


def test_a_search_too_short_to_freeze_still_ends_within_the_budget():
    population = taught(guided(), torch.rand(14))
    population.evolve(Energies(torch.arange(14)), progress=0.2)
    rules = prunable()
    cost = rules.model.cost(rules.units.counts(population.final().unsqueeze(0))[0])
    assert cost.macs <= 0.5 * rules.model.full.macs


def assert_same(state: dict, other: dict) -> None:
    for key, value in state.items():
        if isinstance(value, dict):
            assert_same(value, other[key])
        else:
            assert torch.equal(value, other[key]) if isinstance(value, torch.Tensor) else value == other[key], key


@pytest.mark.parametrize("kind", ["paper", "guided", "annealed"])
def test_same_seed_same_population_also_after_a_resume(kind: str):
    def make():
        if kind == "guided":
            return taught(guided(seed=3), torch.linspace(1.0, 2.0, 14))
        if kind == "annealed":
            allocation = AnnealedAllocation(2, AnnealingSettings(judged=6), generator=generator(3))
            return taught(guided(allocation=allocation), torch.linspace(1.0, 2.0, 14))
        return paper(find_units(built("plain"), image_batch()), seed=3)

    def steps(population, count: int):
        for index in range(count):
            population.evolve(Energies(torch.arange(5)), progress=0.3 + 0.02 * index)
            population.learn(torch.linspace(3.0, 1.0, 14), 1.0)
        return population

    undisturbed = steps(make(), 8)
    halfway = steps(make(), 4)
    state = copy.deepcopy(halfway.state_dict())
    resumed = make()
    resumed.load_state_dict(state)
    for index in range(4, 8):
        resumed.evolve(Energies(torch.arange(5)), progress=0.3 + 0.02 * index)
        resumed.learn(torch.linspace(3.0, 1.0, 14), 1.0)
    assert_same(undisturbed.state_dict(), resumed.state_dict())
