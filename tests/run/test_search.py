import pytest

from compress.errors import UsageError
from compress.run.search import check_method
from compress.runs.decide import decide
from compress.settings.config import RunConfig


def test_the_papers_search_has_no_settings_of_ours():
    config = decide(RunConfig(arch="squeezenet", preset="paper", search="period=3"))
    with pytest.raises(UsageError, match="--preset paper searches as published: drop it, or --search"):
        check_method(config, data=None, network=None, prunable=None)
