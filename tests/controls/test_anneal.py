import pytest
import torch

from compress.controls.anneal import AnnealedAllocation
from compress.controls.methods import ALLOCATIONS
from compress.settings.search import SearchSettings


def annealed(population: int = 8) -> AnnealedAllocation:
    return AnnealedAllocation(
        8, population=population, generator=torch.Generator().manual_seed(0), settings=SearchSettings()
    )


class Bowl:
    """Energies that are lowest at a place; it keeps what it was asked."""

    def __init__(self, place: torch.Tensor, scale: float = 1.0) -> None:
        self.place, self.scale = place, scale
        self.asked: list[torch.Tensor] = []

    def __call__(self, offsets: torch.Tensor) -> torch.Tensor:
        self.asked.append(offsets)
        return self.scale * (offsets - self.place).square().sum(1)


def run(allocation: AnnealedAllocation, energies_of, steps: int = 300) -> list[float]:
    return [allocation.select(energies_of, phase=step / (steps - 1)).best for step in range(steps)]


@pytest.mark.parametrize(("method", "count"), [("edropout", 16), ("anneal", 16), ("saliency", 1)])
def test_it_measures_as_many_energies_in_a_mini_batch_as_a_population(method, count):
    bowl = Bowl(torch.zeros(5))
    generator, settings = torch.Generator().manual_seed(0), SearchSettings()
    ALLOCATIONS[method](5, population=8, generator=generator, settings=settings).select(bowl, phase=0.0)
    assert [len(asked) for asked in bowl.asked] == [count]


def test_a_move_changes_a_quarter_of_the_offsets_from_where_it_stands():
    allocation, bowl = annealed(), Bowl(torch.zeros(8))
    allocation.select(bowl, phase=0.0)
    stood, moves = bowl.asked[0][0], bowl.asked[0][1:]
    assert torch.equal(stood, torch.zeros(8))
    assert (moves != stood).sum(1).tolist() == [2] * 15
    assert allocation.chosen().tolist() in bowl.asked[0].tolist()


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_it_finds_the_lowest_energy_whatever_the_unit_of_energy(scale):
    place = torch.tensor([0.6, -0.6, 0.3, 0.0, 0.9, -0.9, 0.2, -0.1])
    allocation = annealed()
    energies = run(allocation, Bowl(place, scale))
    assert (allocation.chosen() - place).abs().max() < 0.25
    assert energies[-1] < 0.05 * energies[0]


def test_it_wanders_while_it_is_hot_and_settles_when_it_is_cold():
    energies = torch.tensor(run(annealed(), Bowl(torch.full((8,), 0.5)), steps=400))
    rises = energies.diff()
    assert (rises[:150] > 0).sum() > 30
    assert rises[-50:].clamp(min=0).max() < 0.02


def test_where_it_is_hot_every_place_is_drawn_by_its_energy():
    """Two places, one lower by the temperature: the odds are e to 1."""
    allocation = annealed(population=1)
    drawn = [allocation._draw(torch.tensor([1.0, 0.0]), 1.0) for _ in range(4000)]
    assert sum(drawn) / 4000 == pytest.approx(1 / (1 + torch.e**-1), abs=0.02)


def test_offsets_stay_within_their_bound_and_are_halved_if_their_state_trains_badly():
    allocation = annealed()
    run(allocation, Bowl(torch.full((8,), 5.0)))
    before = allocation.chosen().clone()
    assert before.abs().max() <= 1.0
    assert before.min() > 0.8
    allocation.halve_trained()
    assert torch.equal(allocation.chosen(), before / 2)


def test_without_an_answer_it_stays():
    allocation = annealed()
    allocation.select(lambda offsets: torch.full((len(offsets),), torch.inf), phase=0.5)
    assert not allocation.chosen().any()
    energies = torch.full((16,), torch.inf)
    energies[5] = 1.0
    assert allocation.select(lambda _offsets: energies, phase=0.5).best == 1.0
