"""How well energies rank states, by hand."""

import pytest
import torch

from benchmarks.energy_ranking import differences, rank, regret
from benchmarks.energy_ranking_table import page, spreads


def test_rank_correlation_of_four_states():
    right = torch.tensor([1.0, 2.0, 3.0, 4.0])
    expected = ((right.square(), 1), (-right, -1), (torch.tensor([2.0, 1.0, 3.0, 4.0]), 0.8))  # 1 - 6 * 2 / (4 * 15)
    for judged, correlation in expected:
        found = rank(torch.cat([judged.repeat(8, 1), right.repeat(8, 1)]))
        assert [one.correlation for one in found] == pytest.approx([correlation] * 4)


def test_regret_is_the_energy_lost_by_choosing():
    right = torch.cat([torch.arange(16.0), 10 + torch.arange(16.0)])
    judged = right.clone()
    assert regret(judged, right) == 0
    judged[[0, 3]] = judged[[3, 0]]  # the first generation chooses its fourth state
    assert regret(judged, right) == 1.5  # 3 in one generation of two


def test_what_moves_all_states_alike_is_no_noise():
    states, rounds = torch.tensor([0.0, 1.0, 3.0]), torch.tensor([[0.5], [-2.0]])
    assert differences(states + rounds).abs().max() < 1e-6
    noisy = differences(states + rounds + torch.tensor([[0.3, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(noisy[0], torch.tensor([0.1, -0.05, -0.05]), atol=1e-6, rtol=0)


def test_more_images_are_means_of_rounds():
    right = torch.arange(32.0)
    wrong = right.flip(0)
    judged = torch.stack([right, wrong, right, wrong, right, wrong, right, wrong])
    found = rank(torch.cat([judged + 0.1 * right, right.repeat(8, 1)]))
    assert [one.images for one in found] == [32, 64, 128, 256]
    assert found[0].correlation == pytest.approx(0, abs=1e-9)  # half of the rounds right, half the other way round
    assert found[1].correlation == pytest.approx(1)  # the two cancel, and a tenth of what is right is left


def test_states_are_apart_by_more_than_their_trainings():
    between, within = spreads([[86.0, 86.2], [87.0, 87.2]])
    assert within == pytest.approx(0.02**0.5)  # a variance of 0.02 in both
    assert between == pytest.approx((0.5 - 0.01) ** 0.5)  # the means' is 0.5; half of the trainings' is in it
    assert spreads([[86.0, 87.0], [86.0, 87.0]])[0] == 0


def test_page_orders_trained_states_by_energy():
    trained = [
        {"state": f"{state}", "order": order, "energy": energy, "top1": top1}
        for order, tops in enumerate([[86.0, 87.0, 85.0], [86.2, 87.2, 85.2]])
        for state, energy, top1 in zip(range(3), [0.5, 0.4, 0.6], tops, strict=True)
    ]
    machine = {"cpu": {"model": "CPU", "cores": 2}, "packages": {"torch": "2.13.0"}}
    found = page(
        {"date": "2026-11-29", "arch": "squeezenet", "keep_macs": 0.25, "environment": machine, "spread": 0.05,
         "noise": 0.01, "ranking": [{"images": 32, "correlation": 0.96, "regret": 0.001}], "trained": trained}
    )  # fmt: skip
    assert "with its mean Top-1 is -1.00" in found
    assert found.index("| 1 | 0.400 | 87.00, 87.20 |") < found.index("| 0 | 0.500 |") < found.index("| 2 | 0.600 |")
