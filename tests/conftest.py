"""What holds for every test."""

import functools
import os
import sys
from collections.abc import Iterator

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read as torch is imported: a worker of pytest-xdist has one core


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole runs come first: short tests are left for the end, so that both workers end together."""
    items.sort(key=lambda item: "integration" not in item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept in the cache of whoever runs the tests; processes that tests start inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def torchlib_read_once() -> None:
    """For every export onnxscript parses the source of its 500 functions again; here it does so once in a process."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith("onnxscript._framework_apis.torch_") and hasattr(module, "get_torchlib_ops"):
            ops = module.get_torchlib_ops
            module.get_torchlib_ops = ops if hasattr(ops, "cache_info") else functools.cache(ops)
