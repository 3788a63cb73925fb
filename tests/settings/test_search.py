import pytest

from compress.errors import UsageError
from compress.settings.config import RunConfig, build, build_config, to_toml
from compress.settings.search import SearchSettings


def test_settings_of_the_search_are_given_in_one_flag_and_kept_in_the_config(tmp_path):
    config = build_config({"arch": "squeezenet", "search": "period=8, member=drawn,by_cost=false"})
    assert config.search == SearchSettings(period=8, member="drawn", by_cost=False)
    file = tmp_path / "config.toml"
    file.write_text(to_toml(config))
    assert build_config({}, file=file) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [("period", "--search"), ("period=0", "period.*at least 1"), ("speed=3", "speed"), ("member=all", "member")],
)
def test_a_wrong_setting_of_the_search_is_named(text: str, message: str):
    with pytest.raises(UsageError, match=message):
        build(RunConfig, {"arch": "squeezenet", "search": text})
