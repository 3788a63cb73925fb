"""What a command writes never takes the place of what it reads, or of what a run holds."""

import json

import pytest

from compress.errors import UsageError
from compress.runs import RunFolder
from compress.runs.outputs import check_outside_images, check_replaceable, check_run_place
from compress.settings.config import RunConfig
from tests.helpers.command import compress
from tests.helpers.datasets import write_image_folder
from tests.runs.conftest import CONFIG


@pytest.fixture
def old(tmp_path):
    """A run that holds one file of every kind that a new run can begin with."""
    with RunFolder.create(tmp_path / "old", CONFIG, overwrite=False) as run:
        run.write_text("01_baseline/weights.safetensors", "weights")
        run.write_text("03_search/plan.json", "{}")
        run.write_json("artifacts/model.json", {"input_size": [3, 32, 32]})
    (run.path / "net.py").write_text("def build(classes): pass")
    (run.path / "cifar").mkdir()
    write_image_folder(run.path / "photos", train=1, test=1, size=8)
    return run.path


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("flag", "place", "others"),
    [
        ("--weights", "01_baseline/weights.safetensors", ["-a", "squeezenet"]),
        ("--plan", "03_search/plan.json", ["-a", "squeezenet", "--method", "scratch"]),
        ("--preprocessing", "artifacts/model.json", ["-a", "squeezenet"]),
        ("--data-dir", "cifar", ["-a", "squeezenet", "--dataset", "cifar10"]),
        ("--dataset", "photos", ["-a", "squeezenet"]),
        ("--config", "config.toml", []),
        ("--model", "net.py", []),
    ],
)
def test_a_run_is_not_replaced_by_one_that_reads_from_it(old, tmp_path, flag, place, others):
    (tmp_path / "alias").symlink_to(old)
    before = content(old)
    given = f"alias/{place}" + (":build" if flag == "--model" else "")
    done = compress("run", *others, flag, given, "--out", "old", "--overwrite", cwd=tmp_path)
    assert done.returncode == 2
    assert f"{place} ({flag}) lies in old, which the new run would replace: choose another folder" in done.stderr
    assert content(old) == before


def test_the_library_refuses_as_the_command_does_and_other_folders_are_free(old, tmp_path):
    weights = old / "01_baseline/weights.safetensors"
    config = RunConfig(arch="squeezenet", weights=weights)
    with pytest.raises(UsageError, match="would replace"):
        check_run_place(old, config)
    check_run_place(tmp_path / "new", config)
    check_run_place(old, RunConfig(arch="squeezenet", weights="imagenet"))


@pytest.mark.parametrize("command", ["run", "race", "verify", "export"])
def test_nothing_is_made_among_the_images(tmp_path, command):
    photos = write_image_folder(tmp_path / "photos", train=1, test=1, size=8) / "train"
    flags = {
        "run": ["-a", "squeezenet"],
        "race": ["-a", "squeezenet"],
        "verify": ["--original", "a.onnx", "--candidate", "b.onnx"],
        "export": ["-a", "squeezenet", "--weights", "w.pt"],
    }[command]
    done = compress(command, *flags, "--dataset", photos, "--out", photos / "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert f"{photos / 'mine'} would lie among the images" in done.stderr
    assert "such as --out runs/NAME" in done.stderr
    assert sorted(path.name for path in photos.iterdir()) == ["bright", "dark", "middling"]


def test_beside_splits_a_folder_holds_no_images(tmp_path):
    """``compress run --dataset .`` in the folder of the images."""
    split = RunConfig(arch="squeezenet", dataset=str(write_image_folder(tmp_path / "photos", train=1, test=1, size=8)))
    check_outside_images(tmp_path / "photos/runs/first", split)
    for place in ("photos", "photos/train/runs", "photos/Test/runs"):
        with pytest.raises(UsageError, match="among the images"):
            check_outside_images(tmp_path / place, split)
    plain = RunConfig(arch="squeezenet", dataset=str(tmp_path / "photos/train"))
    with pytest.raises(UsageError, match="among the images"):
        check_outside_images(tmp_path / "photos/train/runs/first", plain)


def test_a_data_set_by_name_is_no_folder(tmp_path, monkeypatch):
    (tmp_path / "cifar10").mkdir()
    monkeypatch.chdir(tmp_path)
    check_outside_images(tmp_path / "cifar10/run", RunConfig(arch="squeezenet", dataset="cifar10"))


@pytest.mark.parametrize("name", ["config.toml", "artifacts/model.json", "MANIFEST.sha256"])
def test_a_file_of_a_run_is_not_replaced_whatever_leads_to_it(old, tmp_path, name):
    (tmp_path / "alias").symlink_to(old)
    for path in (old / name, tmp_path / "alias" / name):
        with pytest.raises(UsageError, match=r"is a file of the run .* choose another file"):
            check_replaceable(path)
    check_replaceable(old / "net.py")  # nobody's record
    check_replaceable(tmp_path / name)


def test_an_input_is_not_replaced_by_the_output_nor_through_a_link(tmp_path):
    for name in ("a.html", "b.html"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "link.html").symlink_to("a.html")
    for inputs in (["a.html"], ["link.html"]):
        with pytest.raises(UsageError, match="is an input of this command"):
            check_replaceable(tmp_path / "a.html", inputs=[tmp_path / name for name in inputs])
    check_replaceable(tmp_path / "b.html", inputs=[tmp_path / "a.html"])


def test_downloads_are_allowed_by_the_command_alone(tmp_path):
    settings = RunConfig(arch="squeezenet", dataset="cifar10", data_dir=tmp_path / "none", download=True)
    with RunFolder.create(tmp_path / "run", settings, overwrite=False):
        pass
    assert not RunFolder.open(tmp_path / "run").read_config().download
    (tmp_path / "config.toml").write_text(
        f'arch = "squeezenet"\ndataset = "cifar10"\ndata_dir = "{tmp_path}"\ndownload = true'
    )
    for start in (["--resume", "run"], ["--config", "config.toml", "--dry-run"]):
        done = compress("run", *start, "--json", cwd=tmp_path)
        assert json.loads(done.stdout)["error"]["exit_code"] == 4
        assert "--download" in done.stderr
