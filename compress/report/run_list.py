"""The runs in a folder: network, data, finished stages, and the verdict in three numbers."""

from pathlib import Path
from typing import Any, Literal

from compress.errors import BadInputError, CompressError
from compress.report.model import REPORT, recorded_report
from compress.report.timings import headline_latency
from compress.runs import STAGES, RunFolder
from compress.runs.file_records import Part
from compress.runs.manifest import MANIFEST


class Speedup(Part):
    """Times as fast as the original, at the smallest batch and the fewest threads measured."""

    ratio: float
    low: float
    high: float
    batch_size: int
    threads: int


class VerdictFacts(Part):
    """The verdict on a run: Top-1 of the pruned network, points it lost (with the interval), how much faster it is."""

    top1: float
    points_lost: float
    lost_low: float
    lost_high: float
    speedup: Speedup | None


class ListedRun(Part):
    """One folder in a list of runs: when it started (UTC, ISO 8601), and its finished stages.

    Its state is "judged" with a verdict, "unjudged" where that cannot be read, "unfinished" where there is none yet,
    "failed" where there will be none, "unreadable" where the folder is no run, or damaged; ``problem`` says why.
    """

    name: str
    path: str
    started: str | None = None
    arch: str | None = None
    dataset: str | None = None
    stages: tuple[str, ...] = ()
    state: Literal["judged", "unjudged", "unfinished", "failed", "unreadable"]
    verdict: VerdictFacts | None = None
    problem: str = ""


def list_runs(folder: Path) -> tuple[ListedRun, ...]:
    """Every folder in ``folder``, or ``folder`` itself if that is a run, in the order they were started.

    Runs whose start is not known come next, then folders that cannot be read. Raises ``BadInputError`` if there is no
    such folder.
    """
    if not folder.is_dir():
        raise BadInputError(f"expected a folder of runs, {folder} is none; try compress run, which makes one")
    found = [folder]
    if not (folder / MANIFEST).exists():
        found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    runs = [_listed(path) for path in found]
    return tuple(sorted(runs, key=lambda run: (run.state == "unreadable", run.started or "~", run.name)))


def _listed(path: Path) -> ListedRun:
    name = path.resolve().name
    try:
        run = RunFolder.open(path)
        config = run.read_config()
    except (CompressError, ValueError) as error:  # ValueError: its text is not TOML
        return ListedRun(name=name, path=str(path), state="unreadable", problem=str(error))
    return ListedRun(
        name=name,
        path=str(path),
        started=run.started(),
        arch=config.arch,
        dataset=config.dataset,
        stages=tuple(stage for stage in STAGES if run.is_finished(stage)),
        **_judgement(run),
    )


def _judgement(run: RunFolder) -> dict[str, Any]:
    """State, verdict and problem of a run that can be read."""
    if not run.has(REPORT):
        reason = run.failure()
        return {"state": "failed" if reason else "unfinished", "problem": reason}
    try:
        report = recorded_report(run)
    except (CompressError, ValueError) as error:
        return {"state": "unjudged", "problem": str(error)}
    drop, timing = report.drop, headline_latency(report)
    speedup = None
    if timing is not None:
        ratios = {"ratio": timing.ratio, "low": timing.ratio_low, "high": timing.ratio_high}
        speedup = Speedup(**ratios, batch_size=timing.batch_size, threads=timing.threads)
    top1 = report.candidate.accuracy.top1.value
    facts = VerdictFacts(top1=top1, points_lost=drop.points, lost_low=drop.low, lost_high=drop.high, speedup=speedup)
    return {"state": "judged", "verdict": facts}
