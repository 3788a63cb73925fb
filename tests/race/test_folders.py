"""The cells on disk, made by hand: what goes on, what is refused, which original is reused."""

from dataclasses import replace

import pytest
import torch

from compress.channels.latency import LatencyModel
from compress.errors import BadInputError, EnvironmentProblem, UsageError
from compress.race.cells import PLAN, Cell, RaceSettings
from compress.race.folders import check_folder, has_stages, original_for, read_plan, state_of, target_for
from compress.report.race.budget import CellBudget
from compress.runs import STAGES, RunFolder
from compress.runs.decide import decide
from compress.settings.config import RunConfig
from compress.target.table import timed_here
from compress.target.target import Target, TargetFacts

HALF = CellBudget("keep_macs", 0.5)
BASE = RunConfig(arch="squeezenet", batch_size=16, align=8, threads=1)
RACE = RaceSettings(base=BASE, methods=("edropout", "l1", "scratch"), keep_macs=(0.5,), seeds=(0, 1))


def begin(folder, cell, *, race=RACE, done=0, **changes):
    """A cell whose first ``done`` stages are finished."""
    config = decide(race.config(cell, folder=folder)).model_copy(update=changes)
    path = folder / "cells" / cell.name
    RunFolder.create(path, config, overwrite=False)
    finish(path, *STAGES[:done])
    return path


def finish(path, *stages):
    with RunFolder.open(path) as run:
        for stage in stages:
            run.finish(stage, 1.0)


def test_states_and_a_creation_that_was_cut_short_is_new(tmp_path):
    path = tmp_path / "cells" / "l1-50-seed0"
    assert state_of(path) == "new"
    begin(tmp_path, Cell("l1", HALF, 0), done=6)
    assert state_of(path) == "resume"
    finish(path, STAGES[-1])
    assert state_of(path) == "finished"
    path = tmp_path / "l1-50-seed0"
    path.mkdir()
    (path / "MANIFEST.sha256").touch()
    assert state_of(path) == "new"
    (path / "MANIFEST.sha256").unlink()
    (path / "mine.txt").touch()
    with pytest.raises(BadInputError, match="is not a run folder, or is damaged"):
        state_of(path)


def test_the_original_that_is_furthest_is_taken_from_the_same_seed(tmp_path):
    cells = tuple(RACE.cells())
    mine = Cell("l1", HALF, 1)
    assert original_for(mine, cells, tmp_path) is None
    begin(tmp_path, Cell("edropout", HALF, 0), done=7)
    assert original_for(mine, cells, tmp_path) is None  # another seed
    first = begin(tmp_path, Cell("edropout", HALF, 1), done=1)
    assert original_for(mine, cells, tmp_path) == first
    further = begin(tmp_path, Cell("scratch", HALF, 1), done=2)
    assert original_for(mine, cells, tmp_path) == further
    begin(tmp_path, mine, done=2)
    assert original_for(mine, cells, tmp_path) is None  # it has its own,
    assert original_for(mine, cells, tmp_path, remake=True) == further  # which will be deleted


def test_the_latency_model_of_the_first_cell_that_has_one_is_taken_and_has_to_be_of_this_machine(tmp_path):
    race = RaceSettings(base=BASE, methods=("edropout", "l1"), keep_macs=(0.5,), target_speedup=(2.0,), seeds=(0, 1))
    macs, fast = (replace(cell, seed=1) for cell in tuple(race.cells())[:3:2])
    assert target_for(fast, race.cells(), tmp_path) is None
    model = LatencyModel(torch.ones(1, 4).double(), torch.ones(1, 2).long(), torch.zeros(1).double())
    facts = TargetFacts(*timed_here(), 1, 1, samples=5, whole_ms=2.0, error_median=0.2, error_largest=0.3, device=False)
    path = begin(tmp_path, Cell("l1", fast.budget, 0), race=race)
    record_target(path, Target(model, facts))
    found = target_for(fast, race.cells(), tmp_path)
    assert found is not None
    assert found.as_dict() == Target(model, facts).as_dict()
    assert target_for(macs, race.cells(), tmp_path) is None
    check_folder(race, tmp_path)
    record_target(path, Target(model, replace(facts, machine={"cpu": "another"})))
    with pytest.raises(UsageError, match="its latency model is of another machine"):
        check_folder(race, tmp_path)


def record_target(path, target):
    with RunFolder.open(path) as run:
        run.write_json("latency.json", target.as_dict())


def with_file(path, name, text):
    with RunFolder.open(path) as run:
        run.write_text(name, text)
    return path / name


def test_scratch_is_new_where_it_trains_another_shape(tmp_path):
    """Of the plans only what they say counts, not which method's folder they were in: a race can be moved."""
    plans = [
        with_file(begin(tmp_path, Cell(method, HALF, 0), done=4), PLAN, text)
        for method, text in (("edropout", "ours"), ("l1", "theirs"))
    ]
    scratch = begin(tmp_path, Cell("scratch", HALF, 0))
    assert [state_of(scratch, plan=plan) for plan in plans] == ["resume", "new"]  # which it will read
    with_file(scratch, "03_search/plan.json", "theirs")
    finish(scratch, *STAGES)
    assert [state_of(scratch, plan=plan) for plan in plans] == ["new", "finished"]
    assert state_of(scratch, plan=tmp_path / "cells/taylor-50-seed0" / PLAN) == "new"  # it has found none yet
    assert [read_plan(plan) for plan in plans] == [b"ours", b"theirs"]
    plans[1].write_text("damaged")
    assert read_plan(plans[1]) is None
    assert state_of(scratch, plan=plans[1]) == "new"


@pytest.mark.parametrize("name", ["MANIFEST.sha256", "config.toml", "01_baseline/weights.safetensors"])
def test_a_damaged_cell_is_none_of_the_others(tmp_path, name):
    path = begin(tmp_path, Cell("edropout", HALF, 1), done=7)
    with_file(path, "01_baseline/weights.safetensors", "weights")
    whole = begin(tmp_path, Cell("scratch", HALF, 1), done=2)
    mine = Cell("l1", HALF, 1)
    assert original_for(mine, RACE.cells(), tmp_path) == path
    (path / name).write_text("damaged")
    check_folder(RACE, tmp_path)
    assert original_for(mine, RACE.cells(), tmp_path) == whole
    if name != "01_baseline/weights.safetensors":
        assert not has_stages(path, STAGES[:1])
        with pytest.raises(BadInputError):
            state_of(path)


def test_the_same_race_goes_on_and_may_grow(tmp_path):
    check_folder(RACE, tmp_path / "new")
    check_folder(RACE, tmp_path)  # empty
    begin(tmp_path, Cell("edropout", HALF, 0), image_size=48)  # the images decided it
    begin(tmp_path, Cell("scratch", HALF, 0))
    begin(tmp_path, Cell("l1", HALF, 0), workers=2)  # the same batches, whoever reads them
    check_folder(RACE, tmp_path)
    check_folder(RaceSettings(base=BASE, methods=("random",), keep_macs=(0.1,), seeds=(9,)), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 32}, "batch_size: 16 there, 32 here"),
        ({"align": 4, "epochs": 20}, "align: 8 there, 4 here; epochs: 22 there, 20 here; "),
        ({"image_size": 32}, "image_size: 64 there, 32 here"),
    ],
)
def test_other_settings_are_refused(tmp_path, changes, message):
    begin(tmp_path, Cell("edropout", HALF, 0), image_size=64)
    with pytest.raises(UsageError, match=message):
        check_folder(RACE.model_copy(update={"base": BASE.model_copy(update=changes)}), tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "mine.txt").touch()
    for path in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(UsageError, match="is not a race"):
            check_folder(RACE, path)


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_trained(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(EnvironmentProblem, match=r"cannot create .*: Too many levels"):
        check_folder(RACE, tmp_path / "loop/race")
