"""The command line: its two outputs, its exit code."""

import json
import subprocess
import sys

import pytest
import torch

from compress import errors
from compress.cli import main as cli
from compress.cli.explain import explain
from compress.cli.options import merge_settings
from compress.version import __version__
from tests.helpers.command import compress

HELP = ("", "run", "race", "list", "list archs", "list datasets", "list methods", "list runs", "verify", "export")


@pytest.mark.parametrize("command", [*HELP, "compare", "report", "doctor"])
def test_help_has_an_example_and_names_no_module(command):
    done = compress(*command.split(), "-h" if command else "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Example: compress " in done.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['compress', 'run', '--help']\n"
        "import compress.cli.main as cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'torchvision', 'onnx', 'onnxruntime', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run"], 2, "which network?"),
        (["run", "squeezenet"], 2, "a network is given as --arch NAME"),
        (["run", "--arhc", "x"], 2, "--arch"),
        (["rnu"], 2, "No such command 'rnu'"),
        (["run", "-a", "squeezenet", "--keep-macs", "1.5"], 2, "--keep-macs: expected a fraction between 0 and 1"),
        (["run", "-a", "squeezenet", "--preset", "paper", "--keep-macs", "0.5"], 2, "no budget"),
        (["run", "-a", "squeezenet", "--method", "foo"], 2, "'--method': 'foo' is not one of 'edropout', 'saliency'"),
        (["run", "-a", "squeezenet", "--seed", "x"], 2, "'--seed': expected a whole number, got 'x'"),
        (["run", "-a", "squeezenet", "--model", "/nowhere.py:build"], 2, "expected --arch or --model, got both"),
        (["export", "r", "--calibration", "minmax"], 2, "--calibration is for --int8: give that too"),
        (["export", "r", "--int8", "--max-int8-drop", "nan"], 2, "--max-int8-drop: expected"),
        (["export", "r", "--int8", "--max-int8-drop", "-1"], 2, "--max-int8-drop: expected at least 0"),
        (["export", "r", "--int8", "--float-layers", ""], 2, "--float-layers: expected names of layers such as"),
        (
            ["export", "r", "--int8", "--max-int8-drop=1", "--calibration=minmax", "--float-layers=none"],
            2,
            "with --calibration and --float-layers, --max-int8-drop chooses nothing: drop one of them",
        ),
        (["run", "--config", "/nowhere.toml"], 2, "cannot read the config /nowhere.toml"),
        (["run", "--resume", "/nowhere", "--seed", "3", "--out", "x"], 2, "drop --out, --seed"),
        (["run", "--resume", "/nowhere"], 4, "/nowhere is not a run folder"),
        (["run", "-a", "resnet20", "--threads", "100000000"], 2, "--threads: expected at most 1024"),
        (["run", "-a", "resnet20", "--workers", "9999"], 2, "--workers: expected at most 256"),
        (["run", "-a", "resnet20", "--device", "meta"], 2, "expected a device such as cpu, cuda or cuda:1"),
        (["run", "-a", "resnet20", "--device", "mps"], 2, "expected a device such as cpu, cuda or cuda:1"),
        (["run", "-a", "resnet20", "--device", ""], 2, "expected a device such as cpu, cuda or cuda:1"),
        (["run", "-a", "resnet20", "--batch-size", "9" * 20], 2, "--batch-size: expected at most 65536"),
        (["run", "-a", "resnet20", "--epochs", "9" * 20], 2, "--epochs: expected at most 100000"),
        (["verify", "/nowhere", "--threads", "1,1024"], 5, "--threads 1024: "),
        (["verify", "/nowhere", "--seed", "-1"], 2, "--seed: expected at least 0"),
        (["race", "-a", "resnet20", "--seeds", "9" * 11], 2, "--seeds: expected a number of seeds"),
        (["run", "-a", "resnet20", "--lr", "1e400"], 2, "--lr: expected a finite number"),
        (["run", "-a", "resnet20", "--dataset", "a\0b"], 2, "--dataset: expected text without the character of code 0"),
        (["run", "-a", "resnet20", "--out", "a" * 300, "--dry-run"], 5, "ame too long"),
        (["run", "-a", "resnet20", "--dataset", ""], 2, "--dataset: expected text, got ''"),
        (["compare"], 2, "Missing argument"),
        (["report"], 2, "expected a run folder, or --schema"),
        (["report", ".", "--schema"], 2, "expected a run folder, or --schema"),
        (["report", "."], 4, "is not a run folder"),
    ],
)
def test_a_wrong_call_says_why(tmp_path, arguments, code, message):
    done = compress(*arguments, "--json", cwd=tmp_path)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == error["exit_code"] == code
    assert message in error["message"]
    assert message in done.stderr


def test_flags_win_over_the_config_file_and_paths_are_absolute_so_that_a_run_resumes_from_anywhere(
    tmp_path, monkeypatch
):
    for name in ("photos", "fashion"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text('arch = "alexnet"\nseed = 4\nmethod = "saliency"\n')
    settings = merge_settings({"seed": 5, "dataset": "photos", "weights": "w.safetensors"}, tmp_path / "run.toml")
    assert (settings.arch, settings.seed, settings.method) == ("alexnet", 5, "saliency")
    assert (settings.dataset, settings.weights) == (str(tmp_path / "photos"), tmp_path / "w.safetensors")
    assert merge_settings({"arch": "alexnet", "dataset": "fashion"}, None).dataset == "fashion"


def test_version_and_doctor_name_what_is_installed():
    assert compress("--version").stdout.startswith(f"compress {__version__}, torch {torch.__version__}, onnxruntime ")
    done = compress("doctor", "--json")
    document = json.loads(done.stdout)
    checks = {check["name"]: check for check in document["checks"]}
    assert document["ready"] is (done.returncode == 0)
    assert checks["torch"]["found"] == torch.__version__
    assert {"Processor", "Threads", "Memory", "Disk", "GPU", "torchvision pair", "Bundled images"} <= set(checks)


# main(): one clause for every error. What is raised stands in for what a command may raise.


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (errors.UsageError("a [/red] b"), 2, "a [/red] b"),
        (errors.CheckFailedError("x"), 3, "x"),
        (errors.BadInputError("x"), 4, "x"),
        (errors.EnvironmentProblem("x"), 5, "x"),
        (errors.DivergedError("x"), 6, "x"),
        (errors.InterruptedRun("go on with --resume", signal_number=15), 143, "--resume"),
        (errors.CompressError("x"), 1, "x"),
        (OSError(28, "No space left on device", "/a/b"), 5, "/a/b: the disk is full"),
        (PermissionError(13, "Permission denied", "/a/b"), 5, "/a/b: permission denied"),
        (MemoryError(), 5, "not enough memory"),
        (ZeroDivisionError("oops"), 1, "bug in compress, please report"),
        (FileNotFoundError(2, "No such file", "/a"), 5, "/a: No such file; try another file"),
        (OSError(36, "File name too long", "/a" * 9), 5, "the name is too long for this file system"),
        (OSError("no number"), 5, "no number"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"), 5, "memory"),
        (RuntimeError("std::bad_alloc"), 5, "not enough memory (std::bad_alloc): close other programs"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"), 5, "smaller --batch-size"),
        (OSError(12, "Cannot allocate memory"), 5, "not enough memory"),
        (ImportError("libtorch.so: failed to map segment from shared object", name="torch"), 5, "not enough memory"),
        (ImportError("libfoo.so.1: cannot open shared object file", name="torch"), 5, "libfoo.so.1"),
        (ImportError("cannot import name 'x'", name="compress.run"), 1, "bug in compress"),
        (RuntimeError("can't start new thread"), 5, "fewer --threads"),
        (RecursionError("maximum recursion depth exceeded"), 4, "nested too deeply"),
        (KeyboardInterrupt(), 130, "stopped before anything was written"),
        (type("Strange", (BaseException,), {})("oops"), 1, "bug in compress, please report"),
    ],
)
def test_every_error_has_its_exit_code(monkeypatch, capsys, error, code, message):
    def fail(**_options):
        raise error

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["compress", "run", "--json"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    out, err = capsys.readouterr()
    assert exit_.value.code == json.loads(out)["error"]["exit_code"] == code
    assert message in json.loads(out)["error"]["message"]
    assert message in err
    assert ("Traceback" in err) == ("bug" in err)


@pytest.mark.parametrize("code", [0, 3])
def test_sys_exit_of_other_code_is_reported_as_a_bug(monkeypatch, capsys, code):
    monkeypatch.setattr("compress.doctor.examine", lambda _path: sys.exit(code))
    monkeypatch.setattr(sys, "argv", ["compress", "doctor"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 1
    assert f"something called sys.exit({code})" in capsys.readouterr().err


def test_lack_of_memory_is_the_machine_s_fault_also_in_code_that_is_not_ours():
    def failing(kind):
        try:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 400000000 bytes.")
        except RuntimeError as error:
            raise kind("net.build(10) failed") from error

    for kind, code in ((errors.UsageError, 5), (errors.CheckFailedError, 5), (errors.BadInputError, 4)):
        with pytest.raises(kind) as caught:
            failing(kind)
        assert explain(caught.value)[2] == code


def test_a_deleted_working_folder_is_named(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = compress("doctor")
    assert (done.returncode, done.stderr) == (
        5,
        "Error: the working folder has been deleted: change to another one\n",
    )
