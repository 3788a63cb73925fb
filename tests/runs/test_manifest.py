"""The manifest vouches for itself; the folder's own files are what they say."""

import errno
import fcntl
import json
import os
import re

import pytest

from compress.data.framing import Framing
from compress.errors import BadInputError, EnvironmentProblem
from compress.runs import RunFolder
from compress.runs.file_records import exported_files
from compress.runs.manifest import Manifest, sha256_of
from compress.runs.network_files import load_preprocessing


@pytest.fixture
def lines(run):
    for name in ("a.txt", "b.txt"):
        run.write_text(name, name)
    run._lock.release()
    return (run.path / "MANIFEST.sha256").read_text().splitlines(keepends=True)


def assert_refused(run, text):
    (run.path / "MANIFEST.sha256").write_text(text)
    with pytest.raises(BadInputError, match=r"MANIFEST\.sha256 (was changed or|is) damaged") as error:
        RunFolder.open(run.path)
    assert "\n" not in str(error.value)


def test_a_lost_or_doubled_line_is_found(run, lines):
    assert len(lines) == 5  # the first, three files, the last
    for place in range(len(lines)):
        assert_refused(run, "".join([*lines[:place], *lines[place + 1 :]]))
        assert_refused(run, "".join([*lines[:place], lines[place], *lines[place:]]))


def test_every_changed_byte_and_every_lost_end_is_found(run, lines):
    text = "".join(lines)
    for place in range(len(text)):
        assert_refused(run, f"{text[:place]}{chr(ord(text[place]) ^ 1)}{text[place + 1 :]}")
    for length in range(1, len(text)):
        assert_refused(run, text[:length])
    (run.path / "MANIFEST.sha256").write_text("")
    with pytest.raises(BadInputError, match="has no recorded config"):
        RunFolder.open(run.path)


def test_a_manifest_of_an_earlier_version_is_read_settled_and_written_anew(run):
    run.write_text("a.txt", "new")
    run._lock.release()
    path = run.path / "MANIFEST.sha256"
    old = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    path.write_text("\n".join([*old, f"{sha256_of(b'old')}  a.txt"]) + "\n")  # it was killed while it replaced a.txt
    assert RunFolder.open(run.path).read_text("a.txt") == "new"
    with RunFolder.open(run.path):
        assert path.read_text().count("a.txt") == 1
    assert Manifest.read(run.path).entries["a.txt"] == (sha256_of(b"new"),)


def make_folder(path):
    path.mkdir()


def make_pipe(path):
    os.mkfifo(path)


def make_link(path):
    (path.parent.parent / "elsewhere").write_text("precious")
    path.symlink_to("../elsewhere")


@pytest.mark.parametrize("make", [make_folder, make_pipe, make_link])
@pytest.mark.parametrize("name", [".lock", "MANIFEST.sha256", "a.txt", "events.jsonl"])
def test_what_is_no_file_is_named(run, tmp_path, name, make):
    run.write_text("a.txt", "a")
    run._lock.release()
    (run.path / name).unlink(missing_ok=True)
    make(run.path / name)

    def use():
        with RunFolder.open(run.path) as again:
            again.read_text("a.txt")
            again.event("x")

    with pytest.raises(BadInputError, match=rf"{name} is a (link|folder|pipe)"):
        use()
    elsewhere = tmp_path / "elsewhere"
    assert not elsewhere.exists() or elsewhere.read_text() == "precious"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.ESTALE])
def test_a_file_system_without_locks_is_named(run, monkeypatch, number):
    run._lock.release()

    def refuse(*_arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)  # what such a file system answers
    with pytest.raises(EnvironmentProblem, match=r"run: .*on a local disk") as error:
        RunFolder.open(run.path).__enter__()
    assert error.value.exit_code == 5


def model(run):
    return load_preprocessing(run.path)


FACTS = {
    "arch": "a", "mean": [0.5], "std": [0.5], "resize": "x", "files": {}, "classes": ["a"], "image_size": 16,
    "channels": 1,
}  # fmt: skip


def test_what_model_json_leaves_open_is_as_usual(run):
    run.write_json("artifacts/model.json", FACTS | {"preprocessing": {"interpolation": None, "resize": 20}})
    assert load_preprocessing(run.path).framing == Framing(resize=20)
    assert load_preprocessing(run.path).channel_order == "rgb"


@pytest.mark.parametrize(
    ("name", "text", "read", "said"),
    [
        ("03_search/finished.json", "[1]", lambda run: run.seconds("03_search"), "its value: "),
        ("03_search/finished.json", '{"seconds": "long"}', lambda run: run.seconds("03_search"), "seconds: "),
        ("03_search/finished.json", "{" * 9, lambda run: run.seconds("03_search"), "is not JSON: "),
        ("03_search/finished.json", "[" * 99999, lambda run: run.seconds("03_search"), "nested too deeply"),
        ("artifacts/model.json", '{"classes": 7}', model, "arch: "),
        *(
            (
                "artifacts/model.json",
                json.dumps(FACTS | {"preprocessing": {name: value}}),
                model,
                f"preprocessing.{name}",
            )
            for name, value in (("interpolation", "new"), ("crop", 1e-300), ("resize", 0), ("channel_order", None))
        ),
        ("06_export/export.json", '[{"label": 1}]', exported_files, "0.label: "),
        ("config.toml", "arch = [", lambda run: RunFolder.open(run.path).read_config(), "is not what a run writes: "),
    ],
)
def test_values_of_another_shape_are_refused_in_one_line(run, name, text, read, said):
    run.write_text(name, text)
    with pytest.raises(BadInputError, match=f"{name} .*{re.escape(said.removeprefix('is '))}") as error:
        read(run)
    assert "\n" not in str(error.value)
