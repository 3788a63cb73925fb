"""Which files are timed against which: labels and roles alone decide. A file that changes meanwhile is refused."""

from dataclasses import replace

import pytest

from compress.errors import BadInputError
from compress.observer import Observer
from compress.settings.verify import UserOverrides, VerifySettings
from compress.verdict.time_pairs import pairs_to_time
from compress.verdict.verify import verify_files
from tests.exporters.onnx_files import classifier, save
from tests.helpers.runs import record
from tests.verdict.conftest import GREY

BRIEFLY = VerifySettings(batch_sizes=(1,), threads=(1,), seconds=0.01)


@pytest.mark.parametrize(
    ("pruned", "extra", "pairs"),
    [
        ("pruned", {}, ["original/pruned"]),
        (  # quantised files also against their source and each other
            "pruned",
            {"original int8": "original", "pruned int8": "pruned"},
            ["original/pruned", "original/original int8", "original/pruned int8", "pruned/pruned int8",
             "original int8/pruned int8"],
        ),
        (  # (F) has the original's layers
            "pruned (P)",
            {"full (F)": None, "pruned (P) int8": "pruned (P)"},
            ["original/pruned (P)", "original/pruned (P) int8", "pruned (P)/pruned (P) int8"],
        ),
    ],
)  # fmt: skip
def test_what_is_timed_against_what(pruned, extra, pairs):
    rows = [record(), record(label=pruned, role="candidate")]
    rows += [record(label=label, role="extra", source=source) for label, source in extra.items()]
    assert ["/".join(pair) for pair in pairs_to_time(rows)] == pairs


class Writer(Observer):
    """Writes a file when its measurement is nearly done."""

    def __init__(self, path, content):
        self.path, self.content = path, content

    def step(self, done, *, images, values):  # noqa: ARG002
        if values["now"] == "time per layer":
            self.path.write_bytes(self.content)


def test_a_file_that_changes_while_it_is_measured_is_refused(tmp_path, load):
    one, two = (save(classifier(replace(GREY, seed=n)), tmp_path / f"{n}.onnx") for n in (0, 1))
    stated, writer = UserOverrides(mean=(0.5,), std=(0.5,)), Writer(two, one.read_bytes())
    message = r"1\.onnx changed while it was measured: expected sha256 \w{12}, got \w{12}; try it again"
    with pytest.raises(BadInputError, match=message):
        verify_files(one, two, load, BRIEFLY, overrides=stated, observer=writer)
