"""Curves for TensorBoard: event files in a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress.errors import EnvironmentProblem

_FLUSH_SECONDS = 10


class TensorBoardWriter:
    """A folder of event files for every group: TensorBoard shows one curve a stage in every chart.

    A resumed stage repeats the steps after its last checkpoint. The new file begins with the first of them, and tells
    TensorBoard to drop what older files have from there on.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise EnvironmentProblem(f"--tensorboard needs tensorboard ({error}): pip install tensorboard") from None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EnvironmentProblem(
                f"cannot create {folder} for --tensorboard: {error.strerror}; choose another folder"
            ) from None
        self._make = SummaryWriter
        self._folder = folder
        self._open: dict[str, Any] = {}

    def write(self, group: str, values: Mapping[str, float], *, step: int) -> None:
        """Add points; the first of a group opens its file."""
        if group not in self._open:
            self.close(None)  # only one stage goes on at a time
            file = self._make(str(self._folder / group), purge_step=step, flush_secs=_FLUSH_SECONDS)
            self._open = {group: file}
        for name, value in values.items():
            self._open[group].add_scalar(name, value, step)

    def close(self, error: BaseException | None) -> None:  # noqa: ARG002
        """Write everything to the disk."""
        for file in self._open.values():
            file.close()
        self._open = {}
