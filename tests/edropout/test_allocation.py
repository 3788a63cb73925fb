import pytest
import torch

from compress.edropout.allocation import EvolvedAllocation
from compress.settings.search import SearchSettings
from tests.helpers.networks import generator


def test_parents_keep_a_running_mean_of_how_their_energy_differs_from_the_parents_mean():
    """Trials never win here: energies 3, 1, 2, 2 of the parents, then 1, 3, 2, 2 of harder images (+10)."""
    allocation = EvolvedAllocation(2, population=4, generator=generator(), settings=SearchSettings(parents=0.75))
    rows = (([3.0, 1.0, 2.0, 2.0], [1.0, -1.0, 0.0, 0.0]), ([11.0, 13.0, 12.0, 12.0], [0.5, -0.5, 0.0, 0.0]))
    for parents, expected in rows:
        allocation.select(lambda _offsets, parents=parents: torch.tensor([*parents, *[99.0] * 4]), phase=0.5)
        assert allocation.state_dict()["energies"].tolist() == expected
    assert torch.equal(allocation.chosen(), allocation.state_dict()["offsets"][1])


@pytest.mark.parametrize("memory", [0.0, 0.75])
def test_a_member_without_an_energy_is_not_chosen_and_may_have_one_again(memory: float):
    """The first member has none at first, nor has its trial; later it is the best, and trials never win."""
    allocation = EvolvedAllocation(2, population=4, generator=generator(), settings=SearchSettings(parents=memory))
    for first, chosen in ((torch.inf, 1), (0.5, 0), (torch.inf, 1), (-9.0, 0)):
        energies = torch.tensor([first, 1.0, 2.0, 2.0, *[torch.inf] * 4])
        allocation.select(lambda _offsets, energies=energies: energies, phase=0.5)
        assert torch.equal(allocation.chosen(), allocation.state_dict()["offsets"][chosen])
        assert not allocation.state_dict()["energies"].isnan().any()


def test_a_member_drawn_at_random_trains_and_the_best_is_chosen():
    allocation = EvolvedAllocation(2, population=4, generator=generator(), settings=SearchSettings(member="drawn"))
    drawn = set()
    for _ in range(40):
        allocation.select(lambda _offsets: torch.tensor([3.0, 1.0, 2.0, 2.0, 9.0, 9.0, 9.0, 9.0]), phase=0.5)
        members = allocation.state_dict()["offsets"]
        drawn.add(next(place for place in range(4) if torch.equal(allocation.trained(), members[place])))
        assert torch.equal(allocation.chosen(), members[1])
    assert drawn == {0, 1, 2, 3}


def test_an_allocation_halves_the_offsets_of_the_member_that_trains():
    allocation = EvolvedAllocation(2, population=4, generator=generator(), settings=SearchSettings())
    allocation.select(lambda _offsets: torch.tensor([3.0, 1.0, 2.0, 2.0, 9.0, 9.0, 9.0, 9.0]), phase=0.5)
    before = allocation.trained().clone()
    allocation.halve_trained()
    assert torch.equal(allocation.trained(), before / 2)
