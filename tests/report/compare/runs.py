"""Reports of several runs, and folders that hold them."""

from pathlib import Path

from compress.report.model import Report, dump_report
from compress.runs import RunFolder
from compress.settings.config import RunConfig
from tests.report.sample import network, report


def other_run(**changes) -> Report:
    """A run with another original, whose pruned network is smaller and better than that of ``report()``."""
    networks = (
        network("original", "original", wrong=range(41), file="artifacts/original.onnx", sha256="9" * 64),
        network(
            "pruned", "candidate", wrong=range(20, 52), file="artifacts/pruned.onnx", sha256="8" * 64,
            size_bytes=900_000, macs=9_000_000,
        ),
    )  # fmt: skip
    return report(**{"name": "other", "networks": networks} | changes)


def on_machine(model: str, *, onnxruntime: str = "1.27.0", **cpu: object) -> dict:
    """A report's ``environment``."""
    cpu = {"model": model, "isa": ["avx2"], "cores": 2} | cpu
    return {"cpu": cpu, "packages": {"onnxruntime": onnxruntime}}


def finished_run(path: Path, value: Report, **settings) -> Path:
    """A run folder with a verdict."""
    run = RunFolder.create(path, RunConfig(**{"arch": "squeezenet"} | settings), overwrite=False)
    with run:
        run.write_text("report.json", dump_report(value))
        run.write_text("report.html", "<!doctype html>")
        run.finish("07_verify", 1.0)
    return path
