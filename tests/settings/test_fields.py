"""The table of settings for the documentation."""

from compress.settings.config import RunConfig
from compress.settings.export import ExportSettings
from compress.settings.fields import settings_tables
from compress.settings.verify import Gates, VerifySettings


def test_a_line_has_flag_key_default_limits_and_description():
    lines = settings_tables(RunConfig, keys=True).splitlines()
    assert "### Pruning" in lines
    assert (
        "| `--population` | `population` | 8 | at least 4, at most 64 | Number of pruning states that compete. |"
        in lines
    )
    assert any(line.startswith("| `--distill/--no-distill` | `distill` | yes; paper: no |") for line in lines)


def test_settings_without_a_key_in_toml_have_no_such_column():
    assert "| `--fp16` | - | - | Weights stored in 16 bits" in settings_tables(ExportSettings)
    assert "| Flag | Default | Values | What it is |" in settings_tables(Gates, VerifySettings)
