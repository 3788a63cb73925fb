"""What a kit contains, and its program run where there is nothing but numpy and onnxruntime."""

import hashlib
import json
import platform
import shutil
import subprocess

import numpy as np
import pytest

from compress.kit.sources import program_files
from compress.target.table import parse_table
from exporters.device.kit_files import MANIFEST
from exporters.device.machine import X86
from tests.exporters.onnx_files import Wanted, answer, classifier, save
from tests.exporters.test_portable import needed
from tests.helpers.command import compress
from tests.kit.conftest import FILES

QUICK = ("--seconds", "0.01")
HERE, ELSEWHERE = ("x86", "arm") if platform.machine().lower() in X86 else ("arm", "x86")


@pytest.fixture
def copied(made, tmp_path):
    shutil.copytree(made / "kit", tmp_path / "kit")
    return tmp_path / "kit"


def seal(kit):
    """List the checksums of a kit as it is now."""
    names = sorted(path.relative_to(kit).as_posix() for path in kit.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256((kit / name).read_bytes()).hexdigest()}  {name}\n" for name in names if name != MANIFEST]
    (kit / MANIFEST).write_text("".join(lines))


def test_the_program_is_every_module_that_it_needs_and_no_other():
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name, _data in program_files()}
    assert modules == {"measure", *needed(("exporters.device.command",))}


def test_every_file_is_listed_with_its_checksum(made):
    kit = made / "kit"
    listed = dict(reversed(line.split("  ", 1)) for line in (kit / "MANIFEST.sha256").read_text().splitlines())
    there = {path.relative_to(kit).as_posix(): path for path in kit.rglob("*") if path.is_file()}
    assert {*listed} == {*there} - {"MANIFEST.sha256"}
    assert all(hashlib.sha256(there[name].read_bytes()).hexdigest() == digest for name, digest in listed.items())
    assert len((kit / "README.md").read_text().splitlines()) <= 10
    assert json.loads((kit / "classes.json").read_text()) == ["bright", "dark", "middling"]
    assert (kit / "files/0-a.onnx").read_bytes() == (made / "a.onnx").read_bytes()


def test_images_are_64_of_all_classes_as_each_file_takes_them(made):
    facts = json.loads((made / "kit/kit.json").read_text())
    arrays = np.load(made / "kit/images.npz")
    assert np.bincount(arrays["labels"]).tolist() == [22, 21, 21] or sorted(np.bincount(arrays["labels"])) == [
        21,
        21,
        22,
    ]
    assert {one["images"] for one in facts["files"]} == {"images_0"}  # both take the same
    images = arrays["images_0"]
    assert (images.shape, images.dtype) == ((64, 1, 8, 8), np.float32)
    pixels = 255 * (images * 0.25 + 0.5)
    assert np.abs(pixels - pixels.round()).max() < 1e-4
    for one, wanted in zip(facts["files"], FILES.values(), strict=True):
        assert np.abs(arrays[one["logits"]] - answer(images, wanted)).max() < 1e-5


def test_measure_runs_with_numpy_and_onnxruntime_alone(made, measure, bare_python, tmp_path):
    lacking = "import importlib.util as u; print([n for n in ('scipy', 'onnx', 'torch', 'compress') if u.find_spec(n)])"
    looked = subprocess.run([bare_python, "-I", "-c", lacking], capture_output=True, text=True, check=True)
    assert looked.stdout == "[]\n"
    out = tmp_path / "report.json"
    done = measure(made / "kit", *QUICK, "--batch", "1,5", "--threads", "1", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "same class on 64 of 64" in done.stdout
    report = json.loads(out.read_text())
    assert [file["answers"]["agreeing"] for file in report["files"]] == [64, 64]
    assert report["files"][0]["answers"]["max_abs_difference"] <= 1e-4
    (timing,) = report["timings"]  # the one batch size that both take
    assert (timing["comparison"]["batch_size"], timing["comparison"]["threads"]) == (5, 1)
    assert timing["comparison"]["pairs"] >= 64
    assert report["provider"] == "CPUExecutionProvider"
    assert not list((made / "kit").rglob("__pycache__"))


def test_a_damaged_or_missing_file_is_named(copied, measure, tmp_path):
    (copied / "files/0-a.onnx").write_bytes(b"x")
    (copied / "exporters/measure/student.py").unlink()
    (copied / "exporters/measure/student.py").write_text("def student_quantile(share, degrees): return 2.0\n")
    done = measure(copied, *QUICK, "--out", tmp_path / "r.json")
    assert done.returncode == 4
    assert "damaged or missing in" in done.stderr
    assert "exporters/measure/student.py, files/0-a.onnx; copy the kit again" in done.stderr
    assert not (tmp_path / "r.json").exists()


def test_other_answers_are_found_and_reported(copied, measure, tmp_path):
    """A file that answers otherwise: the expected scores of one image are changed, with the checksum."""
    arrays = dict(np.load(copied / "images.npz"))
    first = int(arrays["logits_0"][7].argmax())
    arrays["logits_0"][7] = -arrays["logits_0"][7]
    np.savez(copied / "images.npz", **arrays)
    seal(copied)
    done = measure(copied, *QUICK, "--out", tmp_path / "r.json")
    assert done.returncode == 3
    assert "warning: a.onnx: answers differ from those expected" in done.stdout
    (differing,) = json.loads((tmp_path / "r.json").read_text())["files"][0]["answers"]["differing"]
    assert (differing["image"], differing["found"]) == (7, first)


def test_layers_are_timed_into_a_table_for_a_budget(copied, measure, tmp_path):
    samples = {"layers/000.onnx": Wanted(channels=1), "layers/001.onnx": Wanted(channels=1, classes=2)}
    (copied / "layers").mkdir()
    for name, wanted in samples.items():
        save(classifier(wanted), copied / name)
    facts = json.loads((copied / "kit.json").read_text())
    (copied / "kit.json").write_text(json.dumps(facts | {"layers": [*samples], "layers_int8_for": HERE}))
    seal(copied)
    out = tmp_path / "device-layers.json"
    done = measure(copied, "--layers", "--seconds", "0.01", "--batch", "2", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 sample files" in done.stdout
    table = parse_table(out.read_bytes(), source=out)
    assert (table.batch_size, table.threads, table.int8_for) == (2, 1, HERE)
    assert f"--target {out.name} --target-precision int8" in done.stdout
    digests = [hashlib.sha256((copied / name).read_bytes()).hexdigest() for name in samples]
    assert [sample.sha256 for sample in table.samples] == digests
    assert {node.operator for node in table.samples[0].nodes} >= {"Conv", "Gemm"}
    (copied / "kit.json").write_text(json.dumps(facts | {"layers": [*samples], "layers_int8_for": ELSEWHERE}))
    seal(copied)
    wrong = measure(copied, "--layers", "--out", out)
    assert (wrong.returncode, f"make the kit with --int8-for {HERE}" in wrong.stderr) == (2, True), wrong.stderr
    several = measure(copied, "--layers", "--threads", "1,2", "--out", out)
    assert (several.returncode, "expected one --batch and one --threads" in several.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seconds", "0"), "expected seconds above 0"),
        (("--threads", "0,2"), "expected numbers from 1"),
        (("--batch", "x"), "invalid"),
        (("--provider", "abacus"), "got 'abacus'"),
        (("--out", "/no/such/folder/r.json"), "a folder that exists for --out"),
        (("--layers",), "expected sample files in the kit"),
    ],
)
def test_wrong_options_are_usage_errors(made, measure, arguments, message):
    done = measure(made / "kit", *arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "expected --out"),
        (("--out", "kit"), "expected --out"),
        (("--out", "kit", "--original", "a.onnx"), "give --candidate, --dataset too"),
        (("run", "--out", "kit", "--candidate", "a.onnx"), "expected --out"),
        (("run", "--out", "kit", "--int8-for", "arm"), "add --layers"),
        (
            ("--out", "kit", "--original", "a.onnx", "--model", "x.py:y"),
            "need a run folder: drop them",
        ),
    ],
)
def test_what_kit_needs(arguments, message, tmp_path):
    done = compress("kit", *arguments, cwd=tmp_path)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_a_folder_with_content_stays_as_it_is(made, tmp_path):
    (tmp_path / "mine").touch()
    done = compress(
        "kit", "--original", made / "a.onnx", "--candidate", made / "b.onnx", "--dataset", made / "images",
        "--out", tmp_path,
    )  # fmt: skip
    assert (done.returncode, "exists already" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
