"""The run folder: whole files, checksums, one writer."""

import json
import math
import resource
import subprocess

import pytest
import torch

from compress.errors import BadInputError, EnvironmentProblem, UsageError
from compress.runs import RunFolder, default_run_path, folder
from compress.settings.config import RunConfig
from tests.runs.conftest import CONFIG


def test_settings_are_read_back_and_the_manifest_is_read_by_sha256sum(run):
    assert RunFolder.open(run.path).read_config() == CONFIG
    run.write_json("01_baseline/result.json", {"loss": 0.5})
    run.save_checkpoint("03_search", {"step": 1})
    run.save_checkpoint("03_search", {"step": 2})
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "MANIFEST.sha256"], cwd=run.path, capture_output=True, text=True, check=True
    )
    assert done.stdout.count(": OK") == 3  # config, result, newest checkpoint


def test_tensors_keep_bits_and_ties(run):
    tied, half = torch.randn(3, 4), torch.randn(2, 3, 5, 5).to(torch.bfloat16).to(memory_format=torch.channels_last)
    values = {"a": tied, "b": tied, "half": half}
    run.save_tensors("04_remove/weights.safetensors", values)
    loaded = run.load_tensors("04_remove/weights.safetensors")
    assert loaded.keys() == values.keys()
    for name, value in values.items():
        assert loaded[name].dtype == value.dtype
        assert torch.equal(loaded[name], value)


def test_json_refuses_nan_and_infinity(run):
    for write in (lambda: run.write_json("x.json", {"loss": math.nan}), lambda: run.event("step", loss=math.inf)):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write()
    assert not run.has("x.json")


@pytest.mark.parametrize("rel", ["config.toml", "01_baseline/result.json"])
def test_every_changed_byte_is_noticed(run, rel):
    run.write_json("01_baseline/result.json", {"loss": 0.5})
    path = run.path / rel
    data = path.read_bytes()
    for index in range(len(data)):
        path.write_bytes(data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :])
        with pytest.raises(BadInputError, match=f"{rel} was changed or damaged"):
            run.read_bytes(rel)


def test_missing_and_unrecorded_files_are_named(run):
    run.write_text("a.txt", "a")
    (run.path / "a.txt").unlink()
    with pytest.raises(BadInputError, match=r"cannot read .*a\.txt: it is missing"):
        run.read_bytes("a.txt")
    (run.path / "b.txt").write_text("not written by the run")
    with pytest.raises(BadInputError, match=r"holds no b\.txt"):
        run.read_bytes("b.txt")


@pytest.mark.parametrize("rel", ["../a", "/etc/passwd", "a/../../b", "a\\b", "a\nb", "", ".", "a//b"])
def test_names_stay_inside(run, rel):
    with pytest.raises(BadInputError, match="expected a plain name"):
        run.write_bytes(rel, b"")


def test_links_out_of_the_folder_are_refused(run, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (run.path / "01_baseline").symlink_to(outside)
    with pytest.raises(BadInputError, match="is a link: expected a file of"):
        run.write_bytes("01_baseline/a", b"")
    assert list(outside.iterdir()) == []


def test_stages_and_events(run):
    assert list(folder.STAGES) == sorted(folder.STAGES)
    assert not run.is_finished("01_baseline")
    run.finish("01_baseline", 1.5)
    again = RunFolder.open(run.path)
    assert [again.is_finished(name) for name in ("01_baseline", "03_search")] == [True, False]
    assert again.seconds("01_baseline") == 1.5
    run.event("note", text="two\nlines")
    events = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["stage finished", "note"]
    assert events[1]["text"] == "two\nlines"


def test_writing_needs_the_lock_and_one_writer_has_it(run):
    other = RunFolder.open(run.path)
    for write in (lambda: other.write_bytes("a", b""), lambda: other.event("a"), lambda: other.finish("a", 1.0)):
        with pytest.raises(RuntimeError, match="only inside"):
            write()
    for lock in (other.__enter__, lambda: RunFolder.create(run.path, CONFIG, overwrite=True)):
        with pytest.raises(EnvironmentProblem, match="is in use by another process"):
            lock()


def test_a_finished_run_of_three_schedules_is_read_and_an_unfinished_one_can_only_be_replaced(tmp_path):
    text = 'arch = "squeezenet"\nbaseline_epochs = 8\nsearch_epochs = 4\nfinetune_epochs = 10\n'
    with RunFolder.create(tmp_path / "run", CONFIG, overwrite=False) as run:
        run.write_text("config.toml", text)
        with pytest.raises(BadInputError, match=r"an earlier version of compress, .*: finish it with that version"):
            run.read_config()
        run.finish("07_verify", 1.0)
        assert run.read_config() == RunConfig(arch="squeezenet")
    with RunFolder.create(tmp_path / "other", CONFIG, overwrite=False) as run:
        run.write_text("config.toml", text)
    RunFolder.create(tmp_path / "other", CONFIG, overwrite=True)
    assert RunFolder.open(tmp_path / "other").read_config() == CONFIG


def test_optimizer_states_are_read_back(run):
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    run.save_state("03_search/optimizer.pt", optimizer.state_dict())
    found = run.load_state("03_search/optimizer.pt")
    assert found["param_groups"] == optimizer.state_dict()["param_groups"]
    assert torch.equal(found["state"][0]["exp_avg"], optimizer.state[network.weight]["exp_avg"])


def test_overwrite_deletes_the_old_run_and_nothing_else(tmp_path):
    path = tmp_path / "run"
    with RunFolder.create(path, CONFIG, overwrite=False) as run:
        run.write_text("01_baseline/a.txt", "old")
        run.finish("01_baseline", 1)
        run.event("old")
        (path / "my notes.txt").write_text("mine")
    other = RunConfig(arch="alexnet")
    with RunFolder.create(path, other, overwrite=True) as run:
        assert run.read_config() == other
        assert not run.is_finished("01_baseline")
        left = {entry.name for entry in path.iterdir()}
        assert left - {".lock"} == {"MANIFEST.sha256", "config.toml", "my notes.txt"}


@pytest.mark.parametrize("name", ["loop", "loop/x", "nowhere", "nowhere/x", "file/x", "n" * 300])
def test_where_no_run_can_be_created_a_dry_run_says_so_too(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "file").touch()
    for attempt in (RunFolder.check_free, lambda path, **mode: RunFolder.create(path, CONFIG, **mode)):
        with pytest.raises(EnvironmentProblem, match=r"cannot create .*; choose another folder"):
            attempt(tmp_path / name, overwrite=False)


def test_a_folder_of_others_is_never_touched(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"precious")
    (tmp_path / "MANIFEST.sha256").write_text(f"{'0' * 64}  photo.jpg\n")  # somebody else's checksums
    with pytest.raises(UsageError, match="is not empty and is not a run folder"):
        RunFolder.create(tmp_path, CONFIG, overwrite=True)
    assert (tmp_path / "photo.jpg").read_bytes() == b"precious"


@pytest.mark.parametrize("write", [lambda run: run.event("x" * 9000), lambda run: run.write_bytes("a", b"x" * 9000)])
def test_a_file_size_limit_is_reported_in_plain_words_and_leaves_no_part_of_the_file(run, write):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, before[1]))
    try:
        with pytest.raises(EnvironmentProblem, match=r"(events\.jsonl|a): the file would be larger"):
            write(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.name for path in run.path.iterdir()} - {"events.jsonl"} == {".lock", "MANIFEST.sha256", "config.toml"}
    run.write_bytes("a", b"x")
    run.check_all()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("config.toml", b'arch = "squeezenet"', "not a run folder"),
        ("MANIFEST.sha256", b"hello\n", "damaged"),
        ("MANIFEST.sha256", b"%s  ../../etc/passwd\n" % (b"0" * 64), "expected a plain name"),
        ("MANIFEST.sha256", b"\xff\xfe\x00", "damaged"),
    ],
)
def test_what_is_no_run_folder(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadInputError, match=message):
        RunFolder.open(tmp_path)


def test_default_path_is_a_safe_name():
    path = default_run_path(RunConfig(arch="resnet18", dataset="/data/my [photos]/"))
    assert path.parent.name == "runs"
    assert path.name[15:-4] == "-resnet18-my-photos--"


def test_other_files_are_left_alone_when_a_run_is_opened(run, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    run.save_checkpoint("03_search", {"step": 1})
    theirs = [
        run.path / name
        for name in (".mine.tmp", "03_search/.x.tmp", "03_search/checkpoint-000001.pt", "a/checkpoint-000000.pt")
    ] + [outside / "checkpoint-000003.pt", outside / ".y.tmp"]
    for path in theirs:
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
    (run.path / "link").symlink_to(outside)
    run._lock.release()
    with RunFolder.open(run.path) as again:
        again.save_checkpoint("03_search", {"step": 2})
        assert again.load_checkpoint("03_search") == {"step": 2}
        again.finish("03_search", 1.0)
    RunFolder.create(run.path, CONFIG, overwrite=True)
    assert {path.read_text() for path in theirs} == {"precious"}
    assert {path.name for path in (run.path / "03_search").iterdir()} == {".x.tmp", "checkpoint-000001.pt"}


def test_a_file_in_the_way_is_not_replaced(run):
    (run.path / "report.md").write_text("my notes")
    with pytest.raises(BadInputError, match=r"report\.md is not a file of this run and is in its way: move it"):
        run.write_text("report.md", "the run's")
    assert (run.path / "report.md").read_text() == "my notes"


def test_a_link_that_leads_elsewhere_since_is_not_followed(run, tmp_path):
    run.write_text("01_baseline/a.txt", "ours")
    (run.path / "01_baseline").rename(tmp_path / "elsewhere")
    (run.path / "01_baseline").symlink_to(tmp_path / "elsewhere")
    for use in (
        lambda: run.read_text("01_baseline/a.txt"),
        lambda: run.write_text("01_baseline/a.txt", "new"),
        lambda: run.change({}, without=["01_baseline/a.txt"]),
    ):
        with pytest.raises(BadInputError, match="01_baseline is a link: expected a file of"):
            use()
    run._lock.release()
    with pytest.raises(BadInputError, match="is a link"):
        RunFolder.create(run.path, CONFIG, overwrite=True)
    assert (tmp_path / "elsewhere/a.txt").read_text() == "ours"
