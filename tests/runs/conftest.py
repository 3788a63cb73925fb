import pytest

from compress.runs import RunFolder
from compress.settings.config import RunConfig

CONFIG = RunConfig(arch="squeezenet", seed=3, keep_macs=0.5)


@pytest.fixture
def run(tmp_path):
    with RunFolder.create(tmp_path / "run", CONFIG, overwrite=False) as run:
        yield run
