import pytest

from compress.errors import BadInputError, CheckFailedError, EnvironmentProblem, UsageError
from compress.exporter_faults import as_bad_input, export_faults, read_file
from exporters.errors import CallError, ExportError, FileError, MachineError, OnnxFileError, SettingError


@pytest.mark.parametrize(
    ("error", "of_files", "of_exports"),
    [
        (FileError, BadInputError, BadInputError),
        (OnnxFileError, BadInputError, BadInputError),
        (CallError, BadInputError, BadInputError),
        (SettingError, UsageError, UsageError),
        (MachineError, EnvironmentProblem, EnvironmentProblem),
        (ExportError, BadInputError, CheckFailedError),
    ],
)
def test_whose_fault_it_is(error, of_files, of_exports):
    for words, expected in ((as_bad_input, of_files), (export_faults, of_exports)):
        with pytest.raises(expected, match="told") as raised, words():
            raise error("told")
        codes = {UsageError: 2, CheckFailedError: 3, BadInputError: 4, EnvironmentProblem: 5}
        assert raised.value.exit_code == codes[expected]


def test_a_user_s_file_is_a_regular_one_of_bounded_size(tmp_path):
    (tmp_path / "plan.json").write_bytes(b"{}")
    assert read_file(tmp_path / "plan.json", limit=2, kind="plan") == b"{}"
    with pytest.raises(BadInputError, match=r"cannot read the plan .*plan\.json: expected at most 1 bytes, got 2"):
        read_file(tmp_path / "plan.json", limit=1, kind="plan")
