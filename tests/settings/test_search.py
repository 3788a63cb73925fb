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
    [
        ("period", "--search: expected settings of the search such as"),
        ("period=0", "--search: period: expected at least 1, got '0'"),
        ("perod=3", "--search: perod: no such setting; did you mean period?"),
        ("member=all", "--search: member: expected 'best' or 'drawn', got 'all'"),
        ("bound=inf", "--search: bound: expected a finite number"),
        ("warm=0.8", "--search: shrunk: expected more than warm, which is 0.8, got 0.75"),
        ("frozen=0", "--search: frozen: expected more than warm, which is 0.05, got 0"),
        (
            "warm=1,images=1",
            "--search: images: expected at least 2, .*\n  --search: shrunk: .*\n  --search: frozen: ",
        ),
    ],
)
def test_a_wrong_setting_of_the_search_is_named(text: str, message: str):
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        build(RunConfig, {"arch": "squeezenet", "search": text})


def test_energies_of_the_teachers_answers_need_a_teacher():
    with pytest.raises(
        UsageError, match="answers=teacher in --search needs a teacher: drop answers=teacher or --no-distill"
    ):
        build_config({"arch": "squeezenet", "search": "answers=teacher", "distill": False})


def test_the_papers_search_has_no_settings():
    with pytest.raises(UsageError, match="--preset paper has its own search: drop --preset or --search"):
        build_config({"arch": "squeezenet", "preset": "paper", "search": "period=8"})
    assert build_config({"arch": "squeezenet", "preset": "paper"}).search == SearchSettings()
