"""The observers for what the user asked for."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from compress.curves.curves import Curves, Writer
from compress.curves.mlflow import MlflowWriter
from compress.curves.tensorboard import TensorBoardWriter
from compress.settings.config import RunConfig


@contextmanager
def live_curves(
    run: Path,
    settings: RunConfig,
    *,
    resumed: bool,
    note: Callable[[str], None],
    tensorboard: Path | None = None,
    mlflow: bool = False,
) -> Iterator[tuple[Curves, ...]]:
    """The observers of a run that draw curves, closed when the block ends; none by default.

    ``run`` is the run's folder, whose name the curves have; ``tensorboard`` the folder of TensorBoard's files; ``note``
    receives what goes wrong later. EnvironmentProblem if an extra is missing, or a place cannot be written to or
    reached.
    """
    writers: list[Writer] = []
    if tensorboard is not None:
        writers.append(TensorBoardWriter(tensorboard / run.resolve().name))
    if mlflow:
        writers.append(MlflowWriter(run, settings.model_dump(mode="json", exclude_none=True), resumed=resumed))
    with ExitStack() as stack:
        yield tuple(stack.enter_context(Curves(writer, note)) for writer in writers)
