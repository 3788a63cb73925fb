"""What a run began with, its images and the user's own code: recorded, compared, loaded again; originals reused."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from compress.data.bundle import DataBundle
from compress.environment import describe_environment
from compress.errors import BadInputError, UsageError
from compress.networks.own_code import OwnCode
from compress.runs import STAGES, RunFolder
from compress.runs.decide import decide, load_decided
from compress.runs.json_files import Code, Images
from compress.settings.config import DecidedConfig, RunConfig, build
from compress.settings.target import TARGET

DATA: Final = "data.json"
CODE: Final = "code.json"

HOW_READ: Final = ("data_dir", "workers", "download")
"""Settings that change nothing that is computed: where a data set's files are, how they are fetched and read."""

MOVABLE: Final = ("dataset", *HOW_READ)
"""Settings that may differ from the run's own when its images are elsewhere now."""

ORIGINAL: Final = STAGES[:2]
"""The stages in which nothing is pruned yet: the baseline, and the original trained on for as long."""

_NO_EFFECT: Final = {
    *HOW_READ,
    *("method", "plan", "search", "search_end", "distill", "population", "opset"),
    *("keep_macs", "keep_params", "align", "finer_align", *TARGET),
}
"""Settings that do not affect these stages."""


def record_inputs(run: RunFolder, config: DecidedConfig, data: DataBundle) -> tuple[str, ...]:
    """Record the environment, images and code of a new run; compare those of a resumed one.

    Other images are a BadInputError, other code is a note.
    """
    if not run.has(DATA):
        run.write_json(DATA, {"fingerprint": data.fingerprint})
    _check_same_images(run, config, data)
    run.write_json("env.json", describe_environment(threads=config.threads, seed=config.seed))
    code = config.code
    if code is not None and not run.has(CODE):
        run.write_json(CODE, {"model": code.spec, "file": code.file, "sha256": code.sha256})
    notes = code_notes(run, code)
    for note in notes:
        run.event("code changed", note=note)
    return notes


def reopen(
    run: RunFolder, moved: Mapping[str, Any], *, code: OwnCode | None = None
) -> tuple[DecidedConfig, DataBundle]:
    """The settings of a finished run, for the CPU, and its images; BadInputError if they are other images.

    ``moved`` are settings of ``MOVABLE`` that differ now; without it nothing is downloaded. ``code`` builds the user's
    own network; UsageError if it is missing, or does not fit the images, or a moved setting is out of range.
    """
    recorded = build(RunConfig, run.read_config().model_dump() | {"device": "cpu"} | dict(moved))
    config, data = load_decided(decide(recorded.with_code(code)))
    _check_same_images(run, config, data)
    return config, replace(data, notes=(*data.notes, *code_notes(run, code)))


def code_notes(run: RunFolder, code: OwnCode | None) -> tuple[str, ...]:
    """A note if the network's code is not what the run began with; the code is only compared, not run."""
    if code is None or not run.has(CODE):
        return ()
    began = run.read_json(CODE, Code)
    if began["sha256"] == code.sha256:
        return ()
    then, now = (
        f"{file} {sha256[:12]}" if file else "no file"
        for file, sha256 in ((began["file"], began["sha256"]), (code.file, code.sha256))
    )
    return (f"the network's code has changed since the run began: {then} then, {now} now",)


def reuse_original(run: RunFolder, path: Path) -> tuple[str, ...]:
    """Copy the stages of the original that the run in ``path`` has finished and this one has not; their names.

    ``run`` is open for writing, with its inputs recorded. UsageError if the other run's original is another one,
    BadInputError if ``path`` is no run folder, or a file in it was changed.
    """
    other = RunFolder.open(path)
    mine, theirs = (_what_decides(folder) for folder in (run, other))
    different = [name for name in mine if mine[name] != theirs[name]]
    if different:
        raise UsageError(
            f"expected a run with the same original in {path}, it differs in {', '.join(different)}; "
            "try without it: the original is trained here then"
        )
    return run.copy_stages(other, ORIGINAL)


def _what_decides(run: RunFolder) -> dict[str, Any]:
    """Settings, images and code that two runs with the same original share."""
    inputs = {"images": DATA, "code": CODE}
    recorded = {what: run.read_json(name) if run.has(name) else None for what, name in inputs.items()}
    return run.read_config().model_dump(mode="json", exclude=_NO_EFFECT) | recorded


def _check_same_images(run: RunFolder, config: DecidedConfig, data: DataBundle) -> None:
    if run.read_json(DATA, Images)["fingerprint"] != data.fingerprint:
        raise BadInputError(
            f"the images of {config.dataset} are not those this run began with: restore them, or start a new run"
        )
