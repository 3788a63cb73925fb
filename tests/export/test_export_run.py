"""Files that an export adds to a run are there with their records, or not at all."""

import hashlib

import pytest

from compress.errors import BadInputError
from compress.export.export_run import _keep
from compress.runs import MODEL_FACTS, RunFolder
from compress.runs.file_records import exported_files, record_exported, recorded_files
from compress.settings.config import RunConfig
from tests.helpers.forks import states_of_kills
from tests.helpers.runs import record
from tests.report.test_model_card import facts


def written(folder, label, content, **fields):
    """The record of a file with this content."""
    path = folder / f"{label.replace(' ', '.')}.onnx"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return record(label=label, file=str(path), sha256=digest, **fields)


def int8(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    return written(folder, "original int8", content, role="extra", source="original", precision="int8")


@pytest.fixture
def exported(tmp_path):
    """A run with its float32 file and an INT8 file."""
    with RunFolder.create(tmp_path / "run", RunConfig(arch="squeezenet"), overwrite=False) as run:
        first = written(tmp_path, "original", b"float")
        run.write_bytes("artifacts/original.onnx", b"float")
        record_exported(run, (first.in_folder("artifacts"),))
        run.write_json(MODEL_FACTS, facts(files={"original": "original.onnx"}, license="MIT"))
        _keep(run, [int8(tmp_path / "old", b"old")])
    return run.path


def test_a_killed_export_leaves_the_old_files_or_the_new_ones(exported, tmp_path):
    fp16 = written(tmp_path, "original fp16", b"half", role="extra", source="original", precision="fp16")

    def export(path):
        with RunFolder.open(path) as run:
            _keep(run, [int8(tmp_path / "new", b"new"), fp16])

    seen = []
    for path in states_of_kills(export, exported, tmp_path):
        without_healing = recorded_files(RunFolder.open(path))
        with RunFolder.open(path) as run:
            files = recorded_files(run)
            assert files == without_healing
            named = run.read_json(MODEL_FACTS)
        assert named["files"] == {file.label: file.name for file in files}
        assert named["license"] == "MIT"
        seen.append((len(files), run.read_bytes("artifacts/original.int8.onnx")))
        export(path)  # it can be repeated
        assert len(recorded_files(RunFolder.open(path))) == 3
    assert set(seen) == {(2, b"old"), (3, b"new")}


def test_what_an_export_of_an_earlier_version_left_can_be_made_again(exported, tmp_path):
    with RunFolder.open(exported) as run:
        run.write_bytes("artifacts/original.int8.onnx", b"new, without its record")
        with pytest.raises(BadInputError, match="an export was cut short; make it again with compress export"):
            recorded_files(run)
        assert [file.label for file in exported_files(run)] == ["original"]  # all that an export starts from
        _keep(run, [int8(tmp_path / "new", b"new")])
        assert [file.label for file in recorded_files(run)] == ["original", "original int8"]
