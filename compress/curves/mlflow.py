"""Curves for MLflow: one MLflow run for every run folder."""

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from compress.errors import EnvironmentProblem, InterruptedRun

EXPERIMENT: Final = "compress"
"""Name of the experiment where MLFLOW_EXPERIMENT_NAME does not say another."""

_FOLDER: Final = "mlruns"
_TAG: Final = "compress.run"
_SECONDS: Final = 5.0  # points are sent together: to a server, every sending takes a while
_MOST_POINTS: Final = 900  # MLflow takes 1000 at once


class MlflowWriter:
    """Metrics called ``<stage>/<name>``, the settings as parameters.

    ``resumed``: the MLflow run of the same run folder goes on, and steps that it has are not sent again.
    """

    def __init__(self, run: Path, settings: Mapping[str, object], *, resumed: bool) -> None:
        self._client, self._experiment_id = _connect()
        self._settings = settings
        self._resumed = resumed
        self._run = run
        self._run_id = ""
        self._last: dict[str, int] = {}
        self._points: list[Any] = []
        self._sent = time.monotonic()

    def write(self, group: str, values: Mapping[str, float], *, step: int) -> None:
        """Collect points, and send them every few seconds; the first makes the run."""
        from mlflow.entities import Metric

        self._run_id = self._run_id or self._begin()
        now = time.time_ns() // 1_000_000
        for name, value in values.items():
            key = f"{group}/{name}"
            if step > self._last_step(key):
                self._points.append(Metric(key, float(value), now, step))
        if time.monotonic() - self._sent > _SECONDS or len(self._points) >= _MOST_POINTS:
            self._send()

    def close(self, error: BaseException | None) -> None:
        """Send what is left; the run is then FINISHED, KILLED (it can be resumed) or FAILED."""
        if self._run_id:
            self._send()
            stopped = "KILLED" if isinstance(error, InterruptedRun | KeyboardInterrupt) else "FAILED"
            self._client.set_terminated(self._run_id, "FINISHED" if error is None else stopped)

    def _begin(self) -> str:
        """The id of a new MLflow run, or of the resumed one."""
        from mlflow.entities import Param

        mark = hashlib.sha256(os.fsencode(self._run.resolve())).hexdigest()
        if self._resumed:
            found = self._client.search_runs([self._experiment_id], f"tags.`{_TAG}` = '{mark}'", max_results=1)
            if found:  # the latest first
                self._client.update_run(found[0].info.run_id, status="RUNNING")
                return str(found[0].info.run_id)
        self._resumed = False
        run = self._client.create_run(self._experiment_id, run_name=self._run.resolve().name, tags={_TAG: mark})
        params = [Param(name, str(value)) for name, value in self._settings.items()]
        self._client.log_batch(run.info.run_id, params=params)
        return str(run.info.run_id)

    def _last_step(self, key: str) -> int:
        """The last step of a metric that the resumed run has; -1 if none."""
        if not self._resumed:
            return -1
        if key not in self._last:
            history = self._client.get_metric_history(self._run_id, key)
            self._last[key] = max((point.step for point in history), default=-1)
        return self._last[key]

    def _send(self) -> None:
        points, self._points, self._sent = self._points, [], time.monotonic()
        if points:
            self._client.log_batch(self._run_id, metrics=points)


def _connect() -> tuple[Any, str]:
    """MLflow's client and the id of the experiment, made if it is new.

    The place is MLFLOW_TRACKING_URI's, by default a folder of files. EnvironmentProblem without MLflow, or if the place
    cannot be reached.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before the import
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise EnvironmentProblem(f"--mlflow needs mlflow ({error}): pip install mlflow-skinny") from None
    place = None
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # MLflow's own default is a database, which needs more packages
        place = Path(_FOLDER).resolve().as_uri()
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    try:
        client = MlflowClient(tracking_uri=place, registry_uri=place)
        found = client.get_experiment_by_name(name)
        return client, str(found.experiment_id if found is not None else client.create_experiment(name))
    except (MlflowException, OSError) as error:
        raise EnvironmentProblem(f"cannot log to MLflow: {error}; try another MLFLOW_TRACKING_URI") from None
