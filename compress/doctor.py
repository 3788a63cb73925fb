"""Checks of this machine: what may stop a run or distort its measurements, each with advice."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import psutil
import torch

from compress import environment

Status = Literal["ok", "warning", "problem"]

DISK_GIB = 2.0
RAM_GIB = 3.0
BUSY_SHARE = 0.3


@dataclass(frozen=True)
class Check:
    """The result of one check; ``advice`` is empty if the status is ok."""

    name: str
    status: Status
    found: str
    advice: str = ""


def examine(folder: Path) -> list[Check]:
    """Check versions, processor, memory, and the disk that holds ``folder``."""
    python = Check("Python", "ok", platform.python_version())  # older ones do not install
    return [python, *_packages(), _torchvision(), *_machine(), _disk(folder), _gpu(), _bundled_data()]


def _judge(name: str, found: str, ok: bool, advice: str, otherwise: Status = "warning") -> Check:
    return Check(name, "ok", found) if ok else Check(name, otherwise, found, advice)


def _packages() -> Iterator[Check]:
    for name, version in environment.package_versions().items():
        if version is None:
            yield Check(name, "problem", "missing", f"pip install {name}, or set up again with make run.")
        else:
            tested = name != "torch" or (2, 11) <= tuple(map(int, version.split(".")[:2])) < (2, 14)
            advice = "Use torch 2.11 to 2.13: other versions are not tested."
            yield _judge(name, version, tested, advice, "problem")


def _torchvision() -> Check:
    name = "torchvision pair"
    try:
        mended = environment.torchvision_mended()
    except (ImportError, RuntimeError) as error:
        return Check(name, "problem", str(error), "Install torch and torchvision of one release.")
    declared = "built for another torch: its detection operators cannot load and are only declared"
    return Check(name, "ok", declared if mended else "its operators load")


def _machine() -> Iterator[Check]:
    cpu, cores, threads = environment.describe_cpu(), environment.usable_cores(), torch.get_num_threads()
    found = f"{cpu['model']}: {' '.join(cpu['isa']) or 'no vector units known'}; --align auto = {cpu['native_block']}"
    advice = "Without AVX2 or NEON inference is slow and pruning gains less."
    yield _judge("Processor", found, cpu["native_block"] >= 8, advice)
    advice = f"Give --threads {cores}, or unset OMP_NUM_THREADS."
    yield _judge("Threads", f"torch uses {threads} of {cores} usable cores", threads <= cores, advice)
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        advice = "Other programs are running: latencies will be noisy."
        yield _judge("Load", f"{load:.1f} in the last minute", load <= BUSY_SHARE * cores, advice)
    else:
        yield Check("Load", "ok", "not known on this system")
    free = psutil.virtual_memory().available / environment.GIB
    advice = "Close programs, or use a smaller --batch-size or --image-size."
    yield _judge("Memory", f"{free:.1f} GiB available", free >= RAM_GIB, advice)


def _disk(folder: Path) -> Check:
    if not os.access(folder, os.W_OK):
        return Check("Disk", "problem", "this folder is not writable", "Give --out a folder you may write to.")
    free = shutil.disk_usage(folder).free / environment.GIB
    advice = "Free some space, or give --out a folder on another disk."
    return _judge("Disk", f"{free:.1f} GiB free here", free >= DISK_GIB, advice)


def _gpu() -> Check:
    names = ", ".join(environment.gpu_names())
    none = "none that torch can use; training runs on the processor"
    return Check("GPU", "ok", f"{names}; give --device cuda to train on it" if names else none)


def _bundled_data() -> Check:
    files = [entry.name for entry in (resources.files("compress") / "data" / "sample").iterdir()]
    if any(name.endswith(".npz") for name in files):
        return Check("Bundled images", "ok", "here; their checksums are verified when they are read")
    return Check("Bundled images", "problem", "missing", "Install again: the package came without its data.")
