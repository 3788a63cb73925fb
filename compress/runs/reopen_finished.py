"""Load the settings and images of a finished run on this machine."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from compress.data.bundle import DataBundle
from compress.networks.own_code import OwnCode
from compress.runs import RunFolder
from compress.runs.code_record import code_notes
from compress.runs.decide import decide, load_decided
from compress.runs.stage_context import check_same_images
from compress.settings.config import DecidedConfig

HOW_READ: Final = ("data_dir", "workers", "download")
"""Settings that change nothing that is computed: where a data set's files are, how they are fetched and read."""

MOVABLE: Final = ("dataset", *HOW_READ)
"""Settings that may differ from the run's own when its images are elsewhere now."""


def reopen(
    run: RunFolder, moved: Mapping[str, Any], *, code: OwnCode | None = None
) -> tuple[DecidedConfig, DataBundle]:
    """The run's settings, for the CPU, and its images.

    Nothing is downloaded because the run once was allowed to: only ``moved`` allows it.

    Args:
        run: the run.
        moved: settings of ``MOVABLE`` that differ from the recorded ones now.
        code: what builds the network, where it is the user's own.

    Raises:
        UsageError: the network is the user's own and its code is missing, or does not fit the images.
        BadInputError: the images are not those the run was made with.
    """
    recorded = run.read_config().model_copy(update={"device": "cpu", "download": False} | dict(moved))
    config, data = load_decided(decide(recorded.with_code(code)))
    check_same_images(run, data, config.dataset)
    return config, replace(data, notes=(*data.notes, *code_notes(run, code)))
