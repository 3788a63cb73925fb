import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress.edropout.evolution import better, cross, mutate_bits, mutate_real, pick_parents
from tests.helpers.networks import generator


@given(population=st.integers(4, 12), seed=st.integers(0, 1000))
def test_parents_are_mutually_different_and_not_the_member(population: int, seed: int):
    parents = pick_parents(population, generator(seed))
    assert parents.shape == (3, population)
    for member in range(population):
        assert len({member, *parents[:, member].tolist()}) == 4
    with pytest.raises(ValueError, match="at least 4 members, got 3"):
        pick_parents(3, generator())


def test_mutation_flips_where_the_other_parents_differ():
    states = torch.tensor([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]).bool()
    parents = torch.tensor([[1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2]])
    mutants = mutate_bits(states, parents, factor=1.0, generator=generator())
    # member 0: s1 = 1010, s2 ^ s3 = 1110 ^ 0000 = 1110 -> 0100; member 1: 1110 ^ (0000 ^ 1100) = 0010
    # member 2: 0000 ^ (1100 ^ 1010) = 0110; member 3: 1100 ^ (1010 ^ 1110) = 1000
    assert mutants.int().tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 0]]


def test_mutation_flips_the_papers_share_of_differing_bits():
    states = torch.rand(8, 20_000, generator=generator()) < 0.5
    parents = pick_parents(8, generator(1))
    mutants = mutate_bits(states, parents, factor=0.9, generator=generator(2))
    differ = states[parents[1]] != states[parents[2]]
    flipped = mutants != states[parents[0]]
    assert not flipped[~differ].any()
    assert flipped[differ].float().mean().item() == pytest.approx(0.9, abs=0.01)
    assert torch.equal(mutate_bits(states, parents, factor=0.0, generator=generator()), states[parents[0]])


def test_crossover_takes_the_mutants_share():
    parents, mutants = torch.zeros(4, 20_000), torch.ones(4, 20_000)
    assert cross(parents, mutants, rate=0.5, generator=generator()).mean().item() == pytest.approx(0.5, abs=0.01)
    assert torch.equal(cross(parents, mutants, rate=1.0, generator=generator()), mutants)


def test_real_mutation_without_noise_is_the_textbook_formula():
    values = torch.tensor([[0.0, 1.0], [2.0, 3.0], [5.0, 7.0], [11.0, 13.0]])
    parents = torch.tensor([[1, 0, 0, 0], [2, 2, 1, 1], [3, 3, 3, 2]])
    mutants = mutate_real(values, parents, factor=0.5, noise=0.0, generator=generator())
    # member 0: (2, 3) + 0.5 * ((5, 7) - (11, 13)) = (-1, 0)
    assert mutants[0].tolist() == [-1.0, 0.0]


def test_only_strictly_lower_energy_wins_and_nan_never_does():
    trials = torch.tensor([1.0, 2.0, 0.5, float("nan")])
    assert better(trials, torch.tensor([1.0, 1.0, 1.0, 1.0])).tolist() == [False, False, True, False]
