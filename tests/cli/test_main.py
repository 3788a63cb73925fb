"""The command line as its users meet it: a process, its two outputs, its exit code."""

import json
import os
import subprocess
import sys
import time

import pytest
import torch

import compress
from compress.cli import main as cli
from compress.errors import (
    BadInputError,
    CheckFailedError,
    CompressError,
    DivergedError,
    EnvironmentProblem,
    InterruptedRun,
    UsageError,
)


def call(*arguments, **environment):
    command = [sys.executable, "-m", "compress", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["race", "--help"],
        ["list", "-h"],
        ["list", "archs", "-h"],
        ["list", "datasets", "-h"],
        ["list", "runs", "-h"],
        ["verify", "-h"],
        ["export", "-h"],
        ["compare", "-h"],
        ["report", "-h"],
        ["doctor", "-h"],
    ],
)
def test_help_has_an_example_and_names_no_module(arguments):
    done = call(*arguments, COLUMNS="100")
    assert done.returncode == 0
    assert "Example: compress " in done.stdout
    assert done.stderr == ""


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['compress', 'run', '--help']\n"
        "import compress.cli.main as cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'torchvision', 'onnx', 'onnxruntime', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - start < 5  # 0.3 s where the machine is idle; a heavy import takes longer than this


def test_version_names_the_runtimes():
    done = call("--version")
    assert done.stdout.startswith(f"compress {compress.__version__}, torch {torch.__version__}, onnxruntime ")


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
        (["run", "--config", "/nowhere.toml"], 2, "cannot read the config /nowhere.toml"),
        (["run", "--resume", "/nowhere", "--seed", "3", "--out", "x"], 2, "drop --out, --seed"),
        (["run", "--resume", "/nowhere"], 4, "/nowhere is not a run folder"),
    ],
)
def test_a_wrong_call_says_why(arguments, code, message):
    done = call(*arguments, "--json")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == code
    assert error["exit_code"] == code
    assert message in error["message"]
    assert message in done.stderr


def test_all_wrong_settings_are_listed_at_once():
    done = call("run", "-a", "squeezenet", "--keep-macs", "1.5", "--population", "2")
    assert "--keep-macs: expected a fraction between 0 and 1 (0.5 keeps half), got 1.5" in done.stderr
    assert "--population: expected at least 4, got 2" in done.stderr
    assert done.stdout == ""


def test_flags_win_over_the_config_file(tmp_path):
    from compress.cli.options import merge_settings

    file = tmp_path / "run.toml"
    file.write_text('arch = "alexnet"\nseed = 4\nmethod = "saliency"\n')
    settings = merge_settings({"seed": 5}, file)
    assert (settings.arch, settings.seed, settings.method) == ("alexnet", 5, "saliency")


def test_paths_are_made_absolute_so_that_a_run_resumes_from_anywhere(tmp_path, monkeypatch):
    from compress.cli.options import merge_settings

    (tmp_path / "photos").mkdir()
    (tmp_path / "fashion").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = merge_settings({"arch": "alexnet", "dataset": "photos", "weights": "w.safetensors"}, None)
    assert settings.dataset == str(tmp_path / "photos")
    assert settings.weights == tmp_path / "w.safetensors"
    assert merge_settings({"arch": "alexnet", "dataset": "fashion"}, None).dataset == "fashion"


def test_lists():
    archs = {row["name"]: row for row in json.loads(call("list", "archs", "--json").stdout)["archs"]}
    assert archs["squeezenet1_1"]["aliases"] == ["squeezenet"]
    assert archs["resnet18"]["parameters"] == 11_689_512  # torchvision's own figure
    done = call("list", "datasets", COLUMNS="20")
    assert "fashion-sample" in done.stdout  # a piped table is not cut


def test_doctor_explains_the_machine():
    done = call("doctor", "--json")
    document = json.loads(done.stdout)
    checks = {check["name"]: check for check in document["checks"]}
    assert document["ready"] is (done.returncode == 0)
    assert checks["torch"]["found"] == torch.__version__
    assert {"Processor", "Threads", "Memory", "Disk", "GPU", "torchvision pair", "Bundled images"} <= set(checks)


# main(): one clause for every error. What is raised stands in for what a command may raise.


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("a [/red] b"), 2, "a [/red] b"),
        (CheckFailedError("x"), 3, "x"),
        (BadInputError("x"), 4, "x"),
        (EnvironmentProblem("x"), 5, "x"),
        (DivergedError("x"), 6, "x"),
        (InterruptedRun("go on with --resume", signal_number=15), 143, "--resume"),
        (CompressError("x"), 1, "x"),
        (OSError(28, "No space left on device", "/a/b"), 5, "/a/b: the disk is full"),
        (PermissionError(13, "Permission denied", "/a/b"), 5, "/a/b: permission denied"),
        (MemoryError(), 5, "not enough memory"),
        (ZeroDivisionError("oops"), 1, "bug in compress, please report"),
        (FileNotFoundError(2, "No such file", "/a"), 1, "bug in compress"),
        (type("Strange", (BaseException,), {})("oops"), 1, "bug in compress, please report"),
    ],
)
def test_every_error_has_its_exit_code(monkeypatch, capsys, error, code, said):
    def fail(**_options):
        raise error

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["compress", "run", "--json"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    out, err = capsys.readouterr()
    assert exit_.value.code == code
    assert json.loads(out)["error"]["exit_code"] == code
    assert said in json.loads(out)["error"]["message"]
    assert said in err
    assert ("Traceback" in err) == ("bug" in err)


@pytest.mark.parametrize("code", [0, 3])
def test_sys_exit_of_other_code_is_reported_as_a_bug(monkeypatch, capsys, code):
    monkeypatch.setattr("compress.doctor.examine", lambda _path: sys.exit(code))
    monkeypatch.setattr(sys, "argv", ["compress", "doctor"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 1
    assert f"something called sys.exit({code})" in capsys.readouterr().err


def test_a_closed_pipe_is_no_bug():
    listing = [sys.executable, "-m", "compress", "list", "archs"]
    with subprocess.Popen(listing, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert "bug" not in process.stderr.read()
    assert process.returncode == 1
