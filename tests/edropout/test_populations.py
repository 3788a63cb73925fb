import copy

import pytest
import torch
from torch import nn

from compress.channels.units import UnitMap, find_units
from compress.controls.anneal import AnnealedAllocation
from compress.edropout.allocation import Allocation, EvolvedAllocation, SaliencyAlone
from compress.edropout.guided import GuidedPopulation
from compress.edropout.paper import PaperPopulation
from compress.edropout.population import never_empty
from compress.errors import UsageError
from compress.settings.search import SearchSettings
from tests.helpers.networks import built, generator, image_batch, prunable_of, with_units


def guided(
    saliency: torch.Tensor | None = None, *, seed: int = 0, allocation: Allocation | None = None
) -> GuidedPopulation:
    """The default population for "plain" at half of its MACs, after five steps with a saliency (14)."""
    allocation = allocation or EvolvedAllocation(2, population=6, generator=generator(seed), settings=SETTINGS)
    population = GuidedPopulation(PLAIN, allocation, SETTINGS)
    for _ in range(5):
        population.learn(torch.rand(14, generator=generator(1)) if saliency is None else saliency, 1.0)
    return population


class KeptAmong:
    """An energy by hand: minus the number of kept units among some of them."""

    def __init__(self, wanted: torch.Tensor) -> None:
        self.wanted = wanted
        self.calls: list[torch.Tensor] = []

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        self.calls.append(states)
        return -(states[:, self.wanted].float().sum(1))


ALL = torch.arange(14)
SETTINGS = SearchSettings()
PLAIN = prunable_of(built("plain"))


def paper(units: UnitMap, *, seed: int = 0, size: int = 8) -> PaperPopulation:
    return PaperPopulation(units, population=size, generator=generator(seed))


def macs_share(state: torch.Tensor) -> float:
    return PLAIN.model.cost(PLAIN.units.counts(state.unsqueeze(0))[0]).macs / PLAIN.model.full.macs


def test_the_papers_population_starts_at_one_half_and_its_parents_keep_their_energies():
    _, units = with_units("concat")
    share = torch.stack([paper(units, seed=seed).state_dict()["states"] for seed in range(60)]).float().mean()
    assert share.item() == pytest.approx(0.5, abs=0.03)
    population, energy = paper(units), KeptAmong(torch.arange(units.total))
    population.evolve(energy, progress=0.0)
    assert [len(call) for call in energy.calls] == [8, 8]  # parents once, then trials
    population.evolve(energy, progress=0.0)
    assert [len(call) for call in energy.calls] == [8, 8, 8]
    before = population.state_dict()["energies"].clone()
    population.evolve(lambda states: torch.full((len(states),), 1e9), progress=0.0)  # nothing beats the stale energies
    assert torch.equal(population.state_dict()["energies"], before)


def test_a_generation_of_the_papers_algorithm_by_hand():
    """One unit per group would be emptied; six units in one group, followed through the paper's equations."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(288, 6), nn.Linear(6, 3))
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
    _, units = with_units("plain")
    for energy_of, converges in ((lambda states: states.float().sum(1), False), (lambda s: torch.zeros(len(s)), True)):
        population = paper(units)
        assert not population.converged()
        population.evolve(energy_of, progress=0.0)
        assert population.converged() is converges


def test_no_group_is_emptied():
    _, units = with_units("residual")
    states = never_empty(torch.zeros(3, units.total, dtype=torch.bool), units, generator())
    assert units.counts(states).tolist() == [[1, 1]] * 3


def test_guided_states_shrink_from_the_whole_network_to_the_budget():
    warming, *shrunk = (guided().evolve(KeptAmong(ALL), progress=progress)[0] for progress in (0.04, 0.8, 0.95))
    assert warming.all()
    assert all(macs_share(state) <= 0.5 for state in shrunk)
    population = guided()
    population.evolve(KeptAmong(ALL), progress=0.2)  # too short a search to freeze
    assert macs_share(population.final()) <= 0.5


def test_without_evolution_saliency_alone_decides():
    population = guided(torch.linspace(1.0, 14.0, 14), allocation=SaliencyAlone(2))
    state, _ = population.evolve(KeptAmong(ALL), progress=0.7)
    for kept in (state[:8].tolist(), state[8:].tolist()):
        assert kept == sorted(kept)  # of rising saliency the last are kept


def test_evolution_shifts_the_allocation_to_where_energy_asks_for_it():
    first = torch.arange(8)  # the first group's units
    population, energy = guided(torch.ones(14)), KeptAmong(first)
    before = population.evolve(energy, progress=0.76)[0][first].sum()
    for index in range(20):
        state, _ = population.evolve(energy, progress=0.77 + 0.02 * index / 20)
    assert {len(call) for call in energy.calls} == {12}  # parents are measured again, with their trials
    assert state[first].sum() >= before
    assert state[first].sum() > 4
    allocation = population.state_dict()["allocation"]
    assert allocation["offsets"].abs().max() <= 1.0


class Halved(SaliencyAlone):
    """Counts how often its offsets were halved."""

    times = 0

    def halve_trained(self) -> None:
        self.times += 1


def test_offsets_of_a_state_that_trained_badly_since_the_last_generation_are_halved_once():
    allocation = Halved(2)
    population = GuidedPopulation(PLAIN, allocation, SETTINGS)
    # the mean loss of 24 steps, and whether it is more than 1.5 times the usual one: 1, then 1 + 0.384 * 0.4 = 1.154
    for mean, halved in ((1.0, 0), (1.4, 0), (1.72, 0), (2.6, 1), (1.0, 1)):
        for step in range(24):
            population.learn(torch.ones(14), 2 * mean if step % 2 else 0.0)  # single mini-batches may be hard
        population.evolve(KeptAmong(ALL), progress=0.5)
        assert allocation.times == halved, mean


def test_a_unit_that_costs_more_needs_more_saliency():
    """A unit of the first layer costs 32 + 16 products, one of the second 16 + 3; the first's are more salient."""
    network = nn.Sequential(nn.AvgPool2d(3), nn.Flatten(), nn.Linear(32, 16), nn.Linear(16, 16), nn.Linear(16, 3))
    prunable = prunable_of(network)
    whole = prunable.unit_costs(torch.ones(32, dtype=torch.bool)) * (32 * 16 + 16 * 16 + 16 * 3)
    assert whole.tolist() == pytest.approx([48.0, 19.0])
    kept = {}
    for by_cost in (True, False):
        population = GuidedPopulation(prunable, SaliencyAlone(2), SearchSettings(by_cost=by_cost, sticky=0.0))
        population.learn(torch.linspace(1.1, 1.0, 32), 1.0)
        cost = (
            whole.sqrt()[prunable.units.group_of_unit] / 816**0.5 if by_cost else torch.ones(32)
        )  # 32*16 + 16*16 + 48
        torch.testing.assert_close(population.keys(), (torch.linspace(1.1, 1.0, 32) / cost).log().float())
        state, _ = population.evolve(KeptAmong(torch.arange(32)), progress=0.8)
        kept[by_cost] = prunable.units.counts(state.unsqueeze(0))[0].tolist()
    assert kept[False][0] > kept[False][1]
    assert kept[True][0] < kept[True][1]


def test_generations_come_once_a_period_or_25_times_in_a_short_search():
    for steps, expected in ((1000, 36), (200, 21), (50, 7)):  # between 5 and 90 %: every 24 steps, 4 % or 6 steps
        population, energy = guided(torch.ones(14)), KeptAmong(ALL)
        for step in range(steps):
            population.evolve(energy, progress=step / steps)
            population.learn(torch.ones(14), 1.0)
        generations = sum(len(call) == 12 for call in energy.calls)
        assert abs(generations - expected) <= 3, (steps, generations)


def test_states_of_a_very_short_search_follow_the_budget_between_its_generations():
    population, energy, states = guided(torch.ones(14)), KeptAmong(ALL), []
    for step in range(40):
        states.append(population.evolve(energy, progress=step / 40)[0])
        population.learn(torch.ones(14), 1.0)
    assert sum(len(call) == 12 for call in energy.calls) == 6  # at steps 2, 8, 14, 20, 26 and 32
    assert macs_share(states[13]) < macs_share(states[8])  # no generation between


def test_the_state_stays_once_frozen():
    population = guided()
    frozen, _ = population.evolve(KeptAmong(ALL), progress=0.92)
    population.learn(torch.linspace(9.0, 1.0, 14), 1.0)
    again, _ = population.evolve(KeptAmong(torch.arange(3)), progress=0.97)
    assert torch.equal(again, frozen)
    assert torch.equal(population.final(), frozen)


@pytest.mark.parametrize("kind", ["paper", "guided", "annealed"])
def test_same_seed_same_population_also_after_a_resume(kind: str):
    def make():
        if kind == "paper":
            return paper(with_units("plain")[1], seed=3)
        annealed = AnnealedAllocation(2, population=3, generator=generator(3), settings=SETTINGS)
        return guided(torch.linspace(1.0, 2.0, 14), seed=3, allocation=annealed if kind == "annealed" else None)

    def run(population, steps: range):
        for index in steps:
            population.evolve(KeptAmong(torch.arange(5)), progress=0.3 + 0.02 * index)
            population.learn(torch.linspace(3.0, 1.0, 14), 1.0)
        return population

    undisturbed, halfway, resumed = run(make(), range(8)), run(make(), range(4)), make()
    resumed.load_state_dict(copy.deepcopy(halfway.state_dict()))
    torch.testing.assert_close(undisturbed.state_dict(), run(resumed, range(4, 8)).state_dict(), rtol=0, atol=0)


def test_a_search_of_other_groups_is_not_resumed():
    """As where another version of compress finds other units in the same network."""
    _, units = with_units("concat")
    for before, now in ((paper(with_units("plain")[1]), paper(units)), (guided(), fresh_guided("concat"))):
        with pytest.raises(UsageError, match=r"other groups of channels .* finish it with the version that began it"):
            now.load_state_dict(before.state_dict())


def test_a_search_that_another_version_saved_is_not_resumed():
    old = {name: value for name, value in guided().state_dict().items() if name != "next_step"}
    with pytest.raises(UsageError, match="another version of compress, which did not save next_step: finish it with"):
        guided().load_state_dict(old)


def fresh_guided(name: str) -> GuidedPopulation:
    prunable = prunable_of(built(name))
    return GuidedPopulation(
        prunable,
        EvolvedAllocation(len(prunable.counts.step), population=6, generator=generator(0), settings=SETTINGS),
        SETTINGS,
    )
