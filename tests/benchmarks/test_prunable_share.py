"""What of a network can be pruned, by hand; and its tables from rows written by hand."""

import pytest
import torch
from torch import nn

from benchmarks.prunable_idioms import IDIOMS
from benchmarks.prunable_share import BESIDE, INPUT, LEAST, kind_of, share
from benchmarks.prunable_table import every_row, section
from benchmarks.support_table import table


def test_hand_worked_share_of_two_layers():
    network = nn.Sequential(nn.Conv2d(3, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 5))
    row = share(network, torch.randn(4, 3, 4, 4))
    # 16 pixels x 3 x 10 + 10 x 5 = 530 MACs; one channel of ten, or the multiple of 8 that is left
    assert (row["macs"], row["groups"]) == (530, 1)
    assert row["shares"] == pytest.approx([1 - 53 / 530, 1 - 8 * 53 / 530])
    assert row["prunable"] == pytest.approx(480 / 530)
    assert row["rest"] == pytest.approx({INPUT: 48 / 530, "they are the network's output": 5 / 530})
    assert BESIDE not in row["rest"]


def test_what_both_sides_of_a_layer_allow_is_the_least_that_it_keeps():
    layers = [nn.Conv2d(3, 10, 1), nn.Conv2d(10, 10, 1)]
    rest = share(
        nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 5)), torch.randn(4, 3, 2, 2)
    )
    assert rest["rest"][LEAST] == pytest.approx(4 * 1 / (4 * 30 + 4 * 100 + 50))


def test_a_network_without_anything_to_prune_names_what_holds_it():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.GroupNorm(1, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    row = share(network, torch.randn(4, 3, 4, 4))
    assert (row["groups"], row["shares"], row["prunable"]) == (0, [0.0, 0.0], 0.0)
    assert kind_of("GroupNorm 1 normalises over it") in row["rest"]
    assert sum(row["rest"].values()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["layerscale_convnet", "split_by_layers", "own_linear", "attention_pooling"])
def test_idioms_run(name: str):
    assert IDIOMS[name]().eval()(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def row(share_: float, rest: dict[str, float]) -> dict:
    return {"macs": 100, "groups": 1, "shares": [share_, share_ / 2], "prunable": share_, "rest": rest}


RESULTS = {
    "before": {"one": row(0.5, {"a norm": 0.5}), "same": row(0.9, {"a norm": 0.1}), "new": {"refused": "crashed"}},
    "after": {"one": row(0.75, {"a norm": 0.25}), "same": row(0.9, {"a norm": 0.1}), "new": row(0.6, {})},
    "environment after": {"torch": "2.13"},
    "commit before": "a" * 40,
    "commit after": "b" * 40 + "+changes",
}


def test_the_page_shows_what_changed_and_the_mean_of_each_kind():
    page = section(RESULTS)
    assert "| one | 50.0% | 75.0% | 25.0% | 37.5% |" in page
    assert "| same |" not in page
    assert "Of 2 networks measured with both versions, 1 changed" in page
    assert "Refused before, not now: new. Refused: -." in page
    assert "| a norm | 30.00% | 17.50% |" in page
    cpu = {"model": "", "cores": 1, "isa": []}
    results = {"networks": {}, "environment": {"packages": {}, "cpu": cpu, "python": ""}}
    assert table(results, RESULTS).endswith(page + "\n")


def test_every_network_has_a_row():
    rows = every_row(RESULTS)
    assert "| new | - | 60.0% | - | 30.0% |" in rows
    assert "| same | 90.0% | 90.0% | 45.0% | 45.0% | a norm: 10.0% |" in rows
    assert "commits aaaaaaaaaa and bbbbbbbbbb" in rows
