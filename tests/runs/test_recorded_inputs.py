"""Stages of one run folder taken over into another."""

import json

import pytest
import torch

from compress.errors import BadInputError, UsageError
from compress.runs import RunFolder
from compress.runs.manifest import Manifest
from compress.runs.recorded_inputs import reopen, reuse_original
from compress.settings.search import SearchSettings
from tests.runs.conftest import CONFIG


def new_run(path, *, images="abc", **changes):
    with RunFolder.create(path, CONFIG.model_copy(update=changes), overwrite=False) as run:
        run.write_json("data.json", {"fingerprint": images})
    return run


@pytest.fixture
def trained(tmp_path):
    """Baseline and original are done, the search has begun."""
    with new_run(tmp_path / "first") as run:
        run.save_tensors("01_baseline/weights.safetensors", {"w": torch.arange(3.0)})
        run.write_json("01_baseline/history.json", [{"loss": 0.5}])
        run.finish("01_baseline", 12.5)
        run.save_tensors("02_original/weights.safetensors", {"w": torch.ones(3)})
        run.finish("02_original", 7.0)
        run.save_checkpoint("03_search", {"step": 1})
    return run


def test_files_marks_and_checksums_are_copied(trained, tmp_path):
    with new_run(tmp_path / "second", keep_macs=0.25, method="l1", search=SearchSettings(period=1)) as run:
        assert reuse_original(run, trained.path) == ("01_baseline", "02_original")
    mine, theirs = (
        {name: digests for name, digests in Manifest.read(folder.path).entries.items() if name.startswith("0")}
        for folder in (run, trained)
    )
    assert mine == {name: digests for name, digests in theirs.items() if not name.startswith("03_search")}
    assert len(mine) == 5  # two of weights, a history, two marks
    assert run.seconds("01_baseline") == 12.5
    assert RunFolder.open(run.path).read_config().keep_macs == 0.25
    run.check_all()
    events = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert [(event["kind"], event["stage"], event["run"]) for event in events] == [
        ("stage taken", "01_baseline", "first"), ("stage taken", "02_original", "first"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("moved", "message"),
    [({"workers": 2**31}, "--workers: expected at most 256"), ({"dataset": "\udcff"}, "--dataset: ")],
)
def test_moved_settings_are_checked_as_those_of_a_new_run(tmp_path, moved, message):
    with pytest.raises(UsageError, match=message):
        reopen(new_run(tmp_path / "run"), moved)


def test_what_is_finished_here_stays_and_a_checkpoint_is_not_needed_any_more(trained, tmp_path):
    with new_run(tmp_path / "second") as run:
        run.write_json("01_baseline/history.json", [{"loss": 0.25}])
        run.finish("01_baseline", 1.0)
        run.save_checkpoint("02_original", {"step": 5})
        assert reuse_original(run, trained.path) == ("02_original",)
        assert run.load_checkpoint("02_original") is None
        assert reuse_original(run, trained.path) == ()
    assert run.read_json("01_baseline/history.json") == [{"loss": 0.25}]


def test_a_damaged_file_is_not_copied(trained, tmp_path):
    (trained.path / "02_original/weights.safetensors").write_bytes(b"other")
    with new_run(tmp_path / "second") as run:
        with pytest.raises(BadInputError, match="changed or damaged"):
            reuse_original(run, trained.path)
        assert run.is_finished("01_baseline")
        assert not run.is_finished("02_original")


@pytest.mark.parametrize(
    ("changes", "images", "code", "unlike"),
    [
        ({"seed": 4}, "abc", "a", "seed"),
        ({"image_size": 32, "batch_size": 8}, "abc", "a", "image_size, batch_size"),
        ({}, "abd", "a", "images"),
        ({}, "abc", "b", "code"),
    ],
)
def test_another_original_is_refused(trained, tmp_path, changes, images, code, unlike):
    run = new_run(tmp_path / "second", images=images, **changes)
    for folder, sha256 in ((trained, "a"), (run, code)):
        with folder:
            folder.write_json("code.json", {"model": "net.py:build", "file": "net.py", "sha256": sha256 * 64})
    with run, pytest.raises(UsageError, match=f"it differs in {unlike};"):
        reuse_original(run, trained.path)
    assert not (run.path / "01_baseline").exists()
