import pytest

from compress.errors import BadInputError, CheckFailedError, EnvironmentProblem
from compress.exporter_faults import as_bad_input, export_faults
from exporters.errors import CallError, ExportError, MachineError, OnnxFileError


@pytest.mark.parametrize(
    ("error", "of_files", "of_exports"),
    [
        (OnnxFileError, BadInputError, BadInputError),
        (CallError, BadInputError, BadInputError),
        (MachineError, EnvironmentProblem, EnvironmentProblem),
        (ExportError, BadInputError, CheckFailedError),
    ],
)
def test_whose_fault_it_is(error, of_files, of_exports):
    for words, expected in ((as_bad_input, of_files), (export_faults, of_exports)):
        with pytest.raises(expected, match="told") as raised, words():
            raise error("told")
        assert raised.value.exit_code == {BadInputError: 4, EnvironmentProblem: 5, CheckFailedError: 3}[expected]
