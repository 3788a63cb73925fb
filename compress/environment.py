"""The machine and the versions that a run is made with, and the block size its processor prefers."""

import os
import platform
import shutil
import subprocess
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

from compress.errors import EnvironmentProblem
from compress.version import __version__

PACKAGES = (
    "torch", "torchvision", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow", "safetensors",
)  # fmt: skip

ISA_FLAGS = (
    "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16", "amx_int8",
    "neon", "sve", "bf16",
)  # fmt: skip

GIB = 2**30

_MANY_THREADS = 128  # as many as a run may have that was begun on a larger machine


def describe_environment(*, threads: int, seed: int) -> dict[str, Any]:
    """What ``env.json`` holds: everything a number of this run depends on, apart from the settings; sizes in GiB."""
    import psutil  # here, since the settings need the cores alone

    return {
        "compress": __version__,
        "git": source_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": package_versions(),
        "torchvision_mended": torchvision_mended(),
        "cpu": describe_cpu(),
        "ram_gib": round(psutil.virtual_memory().total / GIB, 1),
        "disk_free_gib": round(shutil.disk_usage(Path.cwd()).free / GIB, 1),
        "gpus": gpu_names(),
        "threads": threads,
        "seed": seed,
    }


def package_versions() -> dict[str, str | None]:
    """Installed versions, ``None`` where a package is missing."""
    return {name: installed_version(name) for name in PACKAGES}


def installed_version(name: str) -> str | None:
    """A package's version, also where one of another name has its modules, as onnxruntime-openvino has; or ``None``."""
    if found := next(iter(metadata.distributions(name=name)), None):
        return found.version
    others = metadata.packages_distributions().get(name.replace("-", "_"), [])
    return metadata.version(others[0]) if others else None


def torchvision_mended() -> bool:
    """Whether torchvision was built for another torch and needed its operators declared."""
    from models_zoo.torchvision_mend import MENDED

    return MENDED


def describe_cpu() -> dict[str, Any]:
    """Model, the instruction sets that matter to inference, cores this process may use."""
    return {"model": _cpu_model(), "isa": sorted(isa()), "cores": usable_cores(), "native_block": native_block()}


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(count: int) -> None:
    """Have torch compute with so many threads; EnvironmentProblem as in ``check_threads``."""
    check_threads(count)
    import torch  # here, as above

    torch.set_num_threads(count)


def check_threads(count: int) -> None:
    """EnvironmentProblem where the system allows fewer threads: OpenMP would end the process.

    More than cores are tried out, twice as many, since torch and onnxruntime each have as many.
    """
    cores = usable_cores()
    if count > (most := max(_MANY_THREADS, 4 * cores)):  # they would hardly get anywhere
        raise EnvironmentProblem(f"--threads {count}: expected at most {most} on {cores} cores: try --threads {cores}")
    release, started = threading.Event(), []
    try:
        for _ in range(2 * count if count > cores else 0):
            thread = threading.Thread(target=release.wait)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError):
        raise EnvironmentProblem(
            f"--threads {count}: the system allows about {len(started) // 2}: try --threads {cores}"
        ) from None
    finally:
        release.set()
        for thread in started:
            thread.join()


def isa(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Those of ``ISA_FLAGS`` that the processor has; 64-bit ARM always has NEON."""
    words = set(" ".join(_cpuinfo_values(cpuinfo, "flags", "Features")[:1]).split())
    if "asimd" in words or platform.machine() in ("arm64", "aarch64"):
        words.add("neon")
    return frozenset(flag for flag in ISA_FLAGS if flag in words)


def native_block(flags: frozenset[str] | None = None) -> int:
    """Channels that onnxruntime's blocked convolutions handle at a time; multiples of it are fastest.

    ``flags`` are the instruction sets, this machine's where ``None``: 16 with AVX-512, 8 with AVX2 or NEON, else 4.
    """
    flags = isa() if flags is None else flags
    if "avx512f" in flags:
        return 16
    return 8 if flags & {"avx2", "neon"} else 4


def has_bf16(flags: frozenset[str] | None = None) -> bool:
    """Whether the processor multiplies bfloat16; ``flags`` as in ``native_block``."""
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(isa() if flags is None else flags)


def gpu_names() -> list[str]:
    """CUDA devices torch can use."""
    import torch

    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def source_commit() -> str | None:
    """The git commit of this source tree, ``+changes`` where it was edited; ``None`` outside its own checkout."""
    root = Path(__file__).resolve().parent.parent
    top = _git(root, "rev-parse", "--show-toplevel")
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None or top is None or Path(top) != root:
        return None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _cpu_model() -> str:
    named = _cpuinfo_values(Path("/proc/cpuinfo"), "model name", "Model")
    return named[0] if named else platform.processor() or platform.machine()


def _cpuinfo_values(cpuinfo: Path, *keys: str) -> list[str]:
    """Values of the lines ``key : value``, in file order; none on a system without the file."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    pairs = (line.partition(":") for line in lines)
    return [value.strip() for key, _, value in pairs if key.strip() in keys]


def cache_folder(name: str) -> Path:
    """This program's folder for downloads or scans, under XDG_CACHE_HOME (ignored if relative) or ~/.cache.

    ``RuntimeError`` if this user has no home folder.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "compress" / name
