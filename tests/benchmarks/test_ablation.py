"""The ablation's variants, its run folders and its table, by hand; nothing is trained."""

from pathlib import Path

import pytest

from benchmarks.ablation import check_settings, measure, merge, original_of, run_path
from benchmarks.ablation_table import differences, guard, page, scatter, spread
from benchmarks.ablation_variants import DEFAULT, VARIANTS, applicable, config_of, shared_settings
from compress.errors import UsageError
from compress.runs import RunFolder
from compress.runs.decide import decide
from compress.runs.folder import FAILED
from compress.runs.recorded_inputs import reuse_original
from compress.settings.config import RunConfig

BASE = decide(RunConfig(arch="squeezenet", keep_macs=0.25, threads=1, lr=0.001))

DIFFERENT = {
    "default": {},
    "saliency alone": {"method": "saliency"},
    "population 4": {"population": 4},
    "population 16": {"population": 16},
    "population 32": {"population": 32},
    "8 images": {"search.images": 8},
    "16 images": {"search.images": 16},
    "64 images": {"search.images": 64},
    "generation every 4 steps": {"search.period": 4},
    "generation every 64 steps": {"search.period": 64},
    "running means of parents": {"search.parents": 0.8},
    "drawn member": {"search.member": "drawn"},
    "running means and drawn member": {"search.parents": 0.8, "search.member": "drawn"},
    "own BatchNorm statistics": {"search.batchnorm": "batch"},
    "energies on the teacher's answers": {"search.answers": "teacher"},
    "no tie to the state in use": {"search.sticky": 0},
    "strong tie to the state in use": {"search.sticky": 0.5},
    "keys without costs": {"search.by_cost": False},
    "offsets up to 2": {"search.bound": 2},
    "offsets up to 0.5": {"search.bound": 0.5},
    "budget reached later": {"search.shrunk": 0.9},
    "budget reached earlier": {"search.shrunk": 0.5},
    "frozen earlier": {"search.frozen": 0.75},
    "no distillation in the search": {"search.distill": False},
    "window earlier": {"search_start": 3, "search_end": 6},  # of 22 epochs; the default's is 5 to 8
    "window later": {"search_start": 8, "search_end": 11},
    "window longer": {"search_end": 11},
    "window shorter": {"search_end": 7},
    "no push": {"search.push": False},
    "no push, saliency alone": {"method": "saliency", "search.push": False},
    "search as long as the push": {"search.length": 1},
    "no distillation": {"distill": False},
}


def flat(config):
    values = config.model_dump(mode="json")
    return values | {f"search.{name}": value for name, value in values.pop("search").items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_differs_from_the_default_in_what_its_name_says(name):
    here, there = flat(config_of(BASE, name, seed=BASE.seed)), flat(BASE)
    assert {key: value for key, value in here.items() if value != there[key]} == DIFFERENT[name]
    decide(RunConfig(**config_of(BASE, name, seed=2).model_dump()))  # raises where compress run would refuse it


def test_the_search_of_all_rows_stays_in_a_variant():
    base = decide(RunConfig(arch="squeezenet", search="period=8,images=64", threads=1))
    search = config_of(base, "8 images", seed=0).search
    assert (search.period, search.images) == (8, 8)
    assert "64 images" not in applicable(base, has_batchnorm=True)  # it is the default


def test_variants_that_change_nothing_are_left_out():
    assert [name for name in VARIANTS if name not in applicable(BASE, has_batchnorm=True)] == []
    assert [name for name in VARIANTS if name not in applicable(BASE, has_batchnorm=False)] == [
        "own BatchNorm statistics"
    ]
    at_once = BASE.model_copy(update={"search_start": 0})  # as with given weights
    left_out = {*VARIANTS} - {*applicable(at_once, has_batchnorm=True)}
    assert left_out == {"window earlier", "window later"}


def begun(folder, name, *, seed=0, stages=()):
    """A run folder of a variant with some finished stages."""
    path = run_path(folder, name, seed)
    with RunFolder.create(path, config_of(BASE, name, seed=seed), overwrite=False) as run:
        run.write_json("data.json", {"fingerprint": "abc"})
        for stage in stages:
            run.event("stage", name=stage)
            run.finish(stage, 12.5)
    return path


def test_the_original_of_a_seed_is_taken_where_the_search_begins_at_the_same_epoch(tmp_path):
    whole = ("01_baseline", "02_original")
    begun(tmp_path, "default", seed=1, stages=whole)
    begun(tmp_path, "window later", stages=whole)
    half = begun(tmp_path, "16 images", stages=whole[:1])
    path = begun(tmp_path, "64 images")
    assert original_of(config_of(BASE, "64 images", seed=0), path) == half  # the best there is
    default = begun(tmp_path, "default", stages=whole)
    assert original_of(config_of(BASE, "64 images", seed=0), path) == default
    assert default.name == "default-seed0"
    with RunFolder.open(path) as run:
        assert reuse_original(run, default) == whole  # so no setting of the search decides the original
    assert original_of(config_of(BASE, "64 images", seed=0), path) is None  # it has its own now
    later = run_path(tmp_path, "window earlier", 0)
    assert original_of(config_of(BASE, "window earlier", seed=0), later) is None


def test_a_run_of_other_settings_is_refused_with_what_differs(tmp_path):
    path = begun(tmp_path, "default")
    check_settings(path, BASE)
    other = BASE.model_copy(update={"epochs": 30})
    with pytest.raises(UsageError, match=r"other settings \(epochs: 22 there, 30 here\)"):
        check_settings(path, other)


def test_a_run_that_diverged_is_a_row_and_is_not_tried_again(tmp_path):
    path = begun(tmp_path, "default")
    environment = {"git": "c" * 40, "cpu": {"model": "Some CPU", "cores": 2}, "python": "3.12"}
    packages = dict.fromkeys(("torch", "torchvision", "onnxruntime", "numpy"), "1.0")
    with RunFolder.open(path) as run:
        run.write_json("env.json", environment | {"packages": packages})
        run.event(FAILED, reason="the loss was not finite")
    row = measure(BASE, DEFAULT, seed=0, folder=tmp_path, commit="d" * 40)
    assert (row["top1"], row["reason"], row["commit"]) == (None, "the loss was not finite", "c" * 40)
    assert "**Guard missed:** default, seed 0 (the loss was not finite)" in page(
        {"tables": [{"settings": shared_settings(BASE) | {"image_size": 48}, "rows": [row]}]}
    )


def row(variant, seed, top1, **more):
    known = {"changes": VARIANTS[variant], "reason": "", "original_top1": 88.5, "kept_macs": 0.2494 + seed / 1000}
    machine = {
        "date": f"2026-11-2{seed}", "commit": "a" * 40, "cpu": "Some CPU", "python": "3.12", "torch": "2.13",
        "torchvision": "0.28", "onnxruntime": "1.31", "numpy": "2.4",
    }  # fmt: skip
    return {"variant": variant, "seed": seed, "top1": top1} | known | machine | more


ROWS = [
    *(row("default", seed, top1) for seed, top1 in enumerate((86.0, 86.5, 86.2))),
    *(row("population 4", seed, top1) for seed, top1 in enumerate((86.3, 86.4, 86.1))),
    *(row("8 images", seed, top1) for seed, top1 in enumerate((85.0, 85.9))),
]


def test_differences_are_paired_by_seed():
    assert differences(ROWS, "population 4") == pytest.approx([0.3, -0.1, -0.1])
    assert differences(ROWS, "8 images") == pytest.approx([-1.0, -0.6])
    assert differences([row("default", 0, 86.0), row("8 images", 1, 85.0)], "8 images") == []


def test_the_scatter_is_pooled_within_variants():
    # (0.3, -0.1, -0.1): squares about the mean 0.10667 with two degrees of freedom; (-1, -0.6): 0.08 with one
    assert spread(ROWS) == pytest.approx(((0.32 / 3 + 0.08) / 3) ** 0.5)
    assert "scatters by 0.25 points (standard deviation), a mean of 3 seeds by 0.14." in scatter(ROWS)
    assert spread(ROWS[:4]) is None
    assert scatter(ROWS[:3]) == "No setting of this default was changed."
    assert scatter(ROWS[:4]) == "One seed so far: differences may be chance."


def test_the_guard_compares_the_worst_seed_with_the_median():
    assert guard(ROWS).startswith("Guard kept: the worst seed of a variant is at most 2 points below")
    assert guard(ROWS).endswith("The largest distance is 0.45 (8 images).")  # median 85.45, worst 85.0
    assert guard(ROWS[:1]) == "The guard against collapsed runs needs two seeds of a variant."
    bad = [*ROWS, *(row("16 images", seed, top1) for seed, top1 in enumerate((86.0, 83.9, 86.3)))]
    assert guard(bad).startswith("**Guard missed:** 16 images (2.10 below). The rule:")


def test_the_page_has_a_table_for_each_group_of_settings():
    settings = shared_settings(BASE) | {"image_size": 48}
    tables = [{"settings": settings, "rows": ROWS}, {"settings": settings | {"keep_macs": 0.5}, "rows": ROWS[:1]}]
    text = page({"tables": tables})
    assert "## squeezenet, 25 % of the MACs, images of 48 pixels" in text
    assert "## squeezenet, 50 % of the MACs, images of 48 pixels" in text
    assert "22 epochs, learning rate 0.001, search and push from epoch 6 to 8, 1 thread" in text
    assert "population of 8 and period 24, images 32" in text
    assert "| Variant | Setting | Top-1, seed 0, 1, 2 |" in text
    assert "| default | - | 86.00, 86.50, 86.20 | - | - | 25.0 % |" in text
    changed = "86.30, 86.40, 86.10 | +0.03 | -0.10 to +0.30 | 25.0 % |"
    assert f"| population 4 | `--population 4` | {changed}" in text
    assert "| 8 images | `--search images=8` | 85.00, 85.90, - | -0.80 | -1.00 to -0.60 | 25.0 % |" in text
    assert "Measured 2026-11-20 to 2026-11-22 on Some CPU; Python 3.12, torch 2.13" in text
    assert f"commit {'a' * 10}." in text


def test_given_weights_are_named_without_their_folder():
    settings = shared_settings(BASE.model_copy(update={"weights": Path("/home/somebody/mine.pt"), "epochs": 3}))
    text = page({"tables": [{"settings": settings | {"image_size": 48}, "rows": ROWS}]})
    assert "Data set fashion-sample, given weights (mine.pt), 3 epochs, learning rate 0.001, search" in text


def test_flags_of_a_variant_are_those_of_compress_run():
    rows = [row(DEFAULT, 0, 86.0), *(row(name, 0, 86.0) for name in ("keys without costs", "no distillation"))]
    text = page({"tables": [{"settings": shared_settings(BASE) | {"image_size": 48}, "rows": rows}]})
    assert "`--search by_cost=no`" in text
    assert "`--no-distill`" in text
    assert RunConfig(arch="squeezenet", search="by_cost=no").search.by_cost is False


def test_a_row_takes_the_place_of_that_of_its_variant_and_seed():
    one, other = {"keep_macs": 0.25}, {"keep_macs": 0.5}
    results = {"tables": []}
    for settings, new in (
        (one, row("8 images", 0, 85.0)),
        (other, row(DEFAULT, 0, 88.0)),
        (one, row(DEFAULT, 1, 86.0)),
    ):
        results = merge(results, settings, new)
    again = row("8 images", 0, 85.5)
    results = merge(results, one, again)
    assert [table["settings"] for table in results["tables"]] == [one, other]
    assert results["tables"][0]["rows"] == [row(DEFAULT, 1, 86.0), again]  # in the variants' order
    results = merge(results, one, again | {"commit": "b" * 40})  # its run was read again, by another version
    assert results["tables"][0]["rows"][1]["commit"] == "a" * 40
