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
    return list(_checks(folder))


def _checks(folder: Path) -> Iterator[Check]:
    yield Check("Python", "ok", platform.python_version())  # older ones do not install
    yield from _packages()
    yield _torchvision()
    yield _processor()
    yield _threads()
    yield _load()
    yield _memory()
    yield _disk(folder)
    yield _gpu()
    yield _bundled_data()


def _packages() -> Iterator[Check]:
    for name, version in environment.package_versions().items():
        if version is None:
            yield Check(name, "problem", "missing", f"pip install {name}, or set up again with make run.")
        elif name == "torch" and not (2, 11) <= _release(version) < (2, 14):
            yield Check(name, "problem", version, "Use torch 2.11 to 2.13: other versions are not tested.")
        else:
            yield Check(name, "ok", version)


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _torchvision() -> Check:
    try:
        mended = environment.torchvision_mended()
    except (ImportError, RuntimeError) as error:
        return Check("torchvision pair", "problem", str(error), "Install torch and torchvision of one release.")
    if mended:
        found = "built for another torch: its detection operators cannot load and are only declared"
        return Check("torchvision pair", "ok", found)
    return Check("torchvision pair", "ok", "its operators load")


def _processor() -> Check:
    cpu = environment.describe_cpu()
    found = f"{cpu['model']}: {' '.join(cpu['isa']) or 'no vector units known'}; --align auto = {cpu['native_block']}"
    if cpu["native_block"] >= 8:
        return Check("Processor", "ok", found)
    return Check("Processor", "warning", found, "Without AVX2 or NEON inference is slow and pruning gains less.")


def _threads() -> Check:
    cores, threads = environment.usable_cores(), torch.get_num_threads()
    found = f"torch uses {threads} of {cores} usable cores"
    if threads <= cores:
        return Check("Threads", "ok", found)
    return Check("Threads", "warning", found, f"Give --threads {cores}, or unset OMP_NUM_THREADS.")


def _load() -> Check:
    if not hasattr(os, "getloadavg"):
        return Check("Load", "ok", "not known on this system")
    load = os.getloadavg()[0]
    found = f"{load:.1f} in the last minute"
    if load <= BUSY_SHARE * environment.usable_cores():
        return Check("Load", "ok", found)
    return Check("Load", "warning", found, "Other programs are running: latencies will be noisy.")


def _memory() -> Check:
    free = psutil.virtual_memory().available / environment.GIB
    found = f"{free:.1f} GiB available"
    if free >= RAM_GIB:
        return Check("Memory", "ok", found)
    return Check("Memory", "warning", found, "Close programs, or use a smaller --batch-size or --image-size.")


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free / environment.GIB
    found = f"{free:.1f} GiB free here"
    if not os.access(folder, os.W_OK):
        return Check("Disk", "problem", "this folder is not writable", "Give --out a folder you may write to.")
    if free >= DISK_GIB:
        return Check("Disk", "ok", found)
    return Check("Disk", "warning", found, "Free some space, or give --out a folder on another disk.")


def _gpu() -> Check:
    names = environment.gpu_names()
    if names:
        return Check("GPU", "ok", f"{', '.join(names)}; give --device cuda to train on it")
    return Check("GPU", "ok", "none that torch can use; training runs on the processor")


def _bundled_data() -> Check:
    files = [entry.name for entry in (resources.files("compress") / "data" / "sample").iterdir()]
    if any(name.endswith(".npz") for name in files):
        return Check("Bundled images", "ok", "here; their checksums are verified when they are read")
    return Check("Bundled images", "problem", "missing", "Install again: the package came without its data.")
