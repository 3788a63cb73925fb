import pytest
import torch

from compress.edropout.energy import energy_loss
from compress.edropout.population import Energies
from compress.errors import DivergedError


def test_hand_worked_margins():
    # image 0, class 1: best wrong 3, right 2 -> 1; image 1, class 0: best wrong 0.5, right 4 -> -3.5; mean -1.25
    logits = torch.tensor([[[3.0, 2.0, 1.0], [4.0, 0.5, -1.0]]])
    assert energy_loss(logits, torch.tensor([1, 0])).tolist() == [-1.25]
    # every state is judged on its own logits
    logits = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]], [[5.0, 5.0]]])
    assert energy_loss(logits, torch.tensor([0])).tolist() == [-1.0, 1.0, 0.0]


def test_it_is_the_difference_of_energies_in_the_papers_words():
    logits = torch.randn(4, 7, 6, generator=torch.Generator().manual_seed(1))
    labels = [0, 5, 2, 2, 1, 3, 4]
    for energies, loss in zip((-logits).tolist(), energy_loss(logits, torch.tensor(labels)).tolist(), strict=True):
        pairs = list(zip(energies, labels, strict=True))
        total = sum(of[label] - min(of[:label] + of[label + 1 :]) for of, label in pairs)
        assert loss == pytest.approx(total / 7, abs=1e-6)


def test_energies_count_finite_states_alone_and_none_is_a_divergence():
    found = Energies.of(torch.tensor([torch.inf, 1.0, 3.0]))
    assert (found.best, found.mean, found.spread) == (1.0, 2.0, 1.0)
    with pytest.raises(DivergedError, match=r"no state of the population has a finite energy; try a smaller learning"):
        Energies.of(torch.tensor([torch.inf, torch.inf]))
