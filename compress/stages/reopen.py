"""A finished run's settings and images once more, on this machine."""

from collections.abc import Mapping
from typing import Any, Final

from compress.config import DecidedConfig
from compress.data.bundle import DataBundle
from compress.runs import RunFolder
from compress.settings import decide, load_decided
from compress.stages.bench import check_same_images

MOVABLE: Final = ("dataset", "data_dir", "workers", "download")
"""Settings that may differ from the run's own: where the images are now, and how they are fetched and read."""


def reopen(run: RunFolder, moved: Mapping[str, Any]) -> tuple[DecidedConfig, DataBundle]:
    """The run's settings, for the CPU, and its images.

    Nothing is downloaded because the run once was allowed to: only ``moved`` allows it.

    Args:
        run: the run.
        moved: settings of ``MOVABLE`` that are otherwise now.

    Raises:
        BadInputError: the images are not those the run was made with.
    """
    recorded = run.read_config().model_copy(update={"device": "cpu", "download": False} | dict(moved))
    config, data = load_decided(decide(recorded))
    check_same_images(run, data, config.dataset)
    return config, data
