"""A cut network that misses its latency is cut again by the method's priorities, or else evenly, and by little."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.channels.budget import Budget, Prunable
from compress.channels.costs import build_cost_model
from compress.channels.counts import allowed_counts
from compress.channels.latency import LatencyModel
from compress.channels.units import find_units
from compress.errors import BadInputError, InterruptedRun
from compress.observer import Observer
from compress.run.pipeline import run_pipeline
from compress.run.target import cut_again, find_target
from compress.runs.decide import decide
from compress.settings.config import RunConfig, build_config
from compress.target.table import cache_times
from compress.target.target import Target
from exporters.measure.layer_times import TimingLimits
from tests.helpers.latency_case import COUNT, Case
from tests.helpers.latency_case import IMAGES as CASE_IMAGES
from tests.helpers.networks import CLASSES

IMAGES = torch.zeros(2, 3, 8, 8)


def two_layers() -> tuple[nn.Module, Prunable]:
    """40 and 32 units, of which the first cost ten times as much each."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 40, 1), nn.ReLU(), nn.Conv2d(40, 32, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(32, CLASSES),
    ).eval()  # fmt: skip
    units = find_units(network, IMAGES)
    latency = LatencyModel(
        coefficients_L4=torch.tensor([[0, 0, 0.1, 0], [0, 0, 0.01, 0], [1.0, 0, 0, 0]], dtype=torch.float64),
        blocks_L2=torch.ones(3, 2, dtype=torch.int64),
        rest_G=torch.zeros(3, dtype=torch.float64),
    )
    model = replace(build_cost_model(network, units, IMAGES), latency=latency)
    return network, Prunable(units, model, allowed_counts(units, 1), Budget(latency=0.8))


def test_every_group_loses_the_same_share_of_what_it_kept_its_smallest_filters_first():
    network, prunable = two_layers()
    keep = torch.zeros(72, dtype=torch.bool)
    keep[4:34], keep[40:60] = True, True  # 30 and 20 units: 3 + 0.2 + 1 ms
    again = cut_again(network, keep, prunable, 3.6 / 5.32)
    assert again is not None
    assert (keep | ~again).all()  # nothing comes back
    counts = prunable.units.counts(again.unsqueeze(0))[0].tolist()
    assert counts == [24, 17]  # 2.4 + 0.17 + 1 ms: four fifths of both, and the one unit that there is room for
    assert prunable.cost(again).milliseconds <= 3.6
    norms = network[0].weight.flatten(1).norm(dim=1).square() + network[2].weight[:, :, 0, 0].norm(dim=0).square()
    dropped = (keep & ~again)[:40]
    assert norms[dropped].max() < norms[again[:40]].min()


def test_with_priorities_the_units_that_come_last_go_from_whichever_group():
    """Kept are 30 units of 0.1 ms with the keys 1 to 30, and 20 of 0.01 ms with 5.02 to 5.97, in steps of 0.05.

    Within 3.605 ms, 0.595 less: up to key 5 five units go (0.5 ms), then ten with the next keys (0.1 ms).
    """
    network, prunable = two_layers()
    keep, keys = torch.zeros(72, dtype=torch.bool), torch.full((72,), 100.0)  # none of the dropped comes back
    keep[4:34], keep[40:60] = True, True
    keys[4:34] = torch.arange(1.0, 31.0)
    keys[40:60] = 5.02 + 0.05 * torch.arange(20.0)
    again = cut_again(network, keep, prunable, 3.605 / 5.32, keys_U=keys)
    assert again is not None
    expected = torch.zeros(72, dtype=torch.bool)
    expected[9:34], expected[50:60] = True, True
    assert torch.equal(again, expected)


def test_no_second_cut_where_no_network_is_so_fast():
    network, prunable = two_layers()
    assert cut_again(network, torch.ones(72, dtype=torch.bool), prunable, 1.2 / 5.32) is None


class Stages(Observer):
    """Which stages began, and what was noted."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:  # noqa: ARG002
        self.seen.append(name)

    def note(self, text: str) -> None:
        self.seen.append(text)


def target_of(case: Case, observer: Observer, *, stop: int | None = None, **settings: object) -> Target:
    config = decide(RunConfig(arch="squeezenet", target_speedup=1.5, **settings))
    prunable = Prunable(case.units, case.model, allowed_counts(case.units, 8), Budget())
    return find_target(config, case.network, prunable, CASE_IMAGES, observer, lambda: stop)


@pytest.fixture
def few_samples(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The case's samples, which take seconds to make, an empty cache, and timing for as short as can be."""
    monkeypatch.setattr("compress.run.target.make_samples", lambda *_unused, **_options: case.samples)
    monkeypatch.setattr("compress.run.target.SECONDS", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("few_samples")
def test_a_device_s_table_takes_the_place_of_a_timing(case: Case, tmp_path: Path):
    table = tmp_path / "device-layers.json"
    table.write_text(case.table().to_json())
    observer = Stages()
    target = target_of(case, observer, target=table)
    assert target.facts.device
    assert target.facts.machine == {"cpu": "made up"}
    assert observer.seen == []
    table.write_text(case.table(shas=("0" * 64,) * COUNT).to_json())
    with pytest.raises(BadInputError, match="samples of this network"):
        target_of(case, observer, target=table)


@pytest.mark.usefixtures("few_samples")
@pytest.mark.parametrize(
    ("table_for", "asked", "message"),
    [("", "int8", "is of float32 files: drop --target-precision int8"), ("arm", None, "give --target-precision int8")],
)
def test_a_table_of_files_in_another_precision_is_refused(case: Case, tmp_path: Path, table_for, asked, message):
    table = tmp_path / "device-layers.json"
    table.write_text(replace(case.table(), int8_for=table_for).to_json())
    with pytest.raises(BadInputError, match=message):
        target_of(case, Stages(), target=table, target_precision=asked)


def test_a_table_that_cannot_be_used_ends_a_run_before_its_images_are_read(case: Case, tmp_path: Path):
    table, out = tmp_path / "device-layers.json", tmp_path / "run"
    table.write_text(replace(case.table(), int8_for="arm").to_json())
    config = build_config(
        {"arch": "squeezenet", "dataset": f"{tmp_path}/no-images", "target": f"{table}", "target_latency_ms": 1.0}
    )
    with pytest.raises(BadInputError, match="give --target-precision int8"):
        run_pipeline(config, out=out)
    assert not out.exists()


@pytest.mark.usefixtures("few_samples")
def test_times_of_this_machine_are_kept_for_later_runs(case: Case):
    cache_times(case.samples, TimingLimits(), case.table())
    observer = Stages()
    target = target_of(case, observer)
    assert (target.facts.machine, target.facts.device) == ({"cpu": "made up"}, False)
    assert observer.seen == []  # nothing was timed


@pytest.mark.usefixtures("few_samples")
def test_a_stop_while_layers_are_timed_is_heeded(case: Case):
    observer = Stages()
    with pytest.raises(InterruptedRun, match="stopped while the layers were timed") as stopped:
        target_of(case, observer, stop=15)
    assert stopped.value.exit_code == 143
    assert observer.seen == ["latency model"]
