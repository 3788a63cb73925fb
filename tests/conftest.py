"""What holds for every test."""

import functools
import gc
import os
import sys
from collections.abc import Iterator

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read as torch is imported: a worker of pytest-xdist has one core


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole runs come first: short tests are left for the end, so that both workers end together."""
    items.sort(key=lambda item: "integration" not in item.path.parts)


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept in the cache of whoever runs the tests; processes that tests start inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def operators_read_once() -> None:
    """For every export torch lists its operators and their translations again; here it does so once in a process."""
    if "torch.onnx._internal.exporter._registration" in sys.modules:
        _read_operators_once()


@functools.cache
def _read_operators_once() -> None:
    from torch.export import decomp_utils, exported_program
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    ONNXRegistry.from_torchlib = staticmethod(functools.cache(ONNXRegistry.from_torchlib))  # type: ignore[assignment]
    listed = functools.cache(exported_program._collect_all_valid_cia_ops)
    exported_program._collect_all_valid_cia_ops = decomp_utils._collect_all_valid_cia_ops = listed
