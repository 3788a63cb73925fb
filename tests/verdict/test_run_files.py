"""A run's own ONNX files: the whole run may come from elsewhere."""

import pytest

from compress.errors import BadInputError
from compress.runs import RunFolder
from compress.settings.config import RunConfig
from compress.verdict.open_files import try_recorded
from tests.helpers.hostile_onnx import HOSTILE


def test_a_file_of_a_run_is_tried_unless_this_process_has_just_written_it(tmp_path, data):
    hostile = {one.name: one for one in HOSTILE}["32 GB"].write(tmp_path).read_bytes()
    with RunFolder.create(tmp_path / "run", RunConfig(arch="squeezenet"), overwrite=False) as run:
        run.write_bytes("artifacts/pruned.onnx", hostile)
        try_recorded(run, "artifacts/pruned.onnx", data)
    with pytest.raises(BadInputError, match=r"artifacts/pruned\.onnx needs more: .*allocate memory"):
        try_recorded(RunFolder.open(run.path), "artifacts/pruned.onnx", data)
