"""One network in every kind of file, made once."""

import pytest

from exporters.write.artifact import Artifact
from tests.exporters.variants import make_all


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> dict[str, Artifact]:
    return make_all(tmp_path_factory.mktemp("kinds"))


@pytest.fixture(scope="session")
def source(made):
    return made["fp32"].path
