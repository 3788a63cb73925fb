"""Two files that are compared may come from anywhere; more of the hostile ones in ``tests/exporters/read``."""

import pytest

from compress.errors import BadInputError
from compress.verdict.open_files import open_file, open_files
from tests.exporters.onnx_files import classifier, save
from tests.helpers.hostile_graphs import WANTED
from tests.helpers.hostile_onnx import HOSTILE

NAMED = {hostile.name: hostile for hostile in HOSTILE}


@pytest.mark.parametrize(("name", "message"), [("32 GB", "needs more"), ("pipe", "a named pipe")])
def test_files_are_first_tried_in_a_process_of_their_own(name, message, tmp_path, load):
    bad, good = NAMED[name].write(tmp_path), save(classifier(WANTED), tmp_path / "good.onnx")
    for pair in ((bad, good), (good, bad)):
        with pytest.raises(BadInputError, match=rf"{bad}.*{message}"):
            open_files(*pair, load)


@pytest.mark.parametrize("name", ["NaN", "infinite"])
def test_scores_that_are_no_numbers_are_the_files_fault(name, tmp_path, data):
    with pytest.raises(BadInputError, match=r"hostile\.onnx gives NaN or infinity for 32 of 32 test images"):
        open_file(NAMED[name].write(tmp_path), data)
