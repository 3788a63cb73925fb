from compress.settings.config import RunConfig
from compress.settings.export import ExportSettings
from compress.settings.fields import settings_tables
from compress.settings.verify import Gates, VerifySettings


def test_a_line_has_flag_key_default_limits_and_description():
    table = settings_tables(RunConfig, keys=True)
    assert "\n### Pruning\n" in table
    assert "\n| `--population` | `population` | 8 | at least 4, at most 64 | Number of pruning states that " in table
    assert "\n| `--distill/--no-distill` | `distill` | yes; paper: no |" in table
    # settings without a key in TOML have no such column
    assert "| `--fp16` | - | - | Weights stored in 16 bits" in settings_tables(ExportSettings)
    assert "| Flag | Default | Values | What it is |" in settings_tables(Gates, VerifySettings)
