"""The tiny network of this room, with its samples."""

import pytest

from tests.helpers.latency_case import Case, latency_case


@pytest.fixture(scope="session")
def case() -> Case:
    return latency_case()
