"""The device, as far as Linux shows it: processor, governor, frequency, temperature, throttling, emulation."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

_ROOT = Path("/")
_CPUS = "sys/devices/system/cpu"
_QEMU = re.compile(r"/(qemu-[a-z0-9_]+(?:-static)?)$", re.MULTILINE)
X86 = ("x86_64", "amd64", "i686", "i386")


@dataclass(frozen=True)
class Device:
    """What does not change while the files are measured.

    Attributes:
        board: its name, such as "Raspberry Pi 5 Model B"; "" where Linux does not name it.
        processor: its model; of many ARM processors only numbers of implementer and part.
        architecture: "aarch64".
        system: name and version of the operating system.
        cores: processors that the program may use.
        emulated: how it was found that this is an emulator; "" on a real device.
    """

    board: str
    processor: str
    architecture: str
    system: str
    cores: int
    python: str
    numpy: str
    onnxruntime: str
    emulated: str


@dataclass(frozen=True)
class State:
    """What changes: read before and after the timing, ``None`` where Linux does not show it.

    Attributes:
        governors: who sets the clock: "performance", "ondemand"; each once.
        frequency_mhz: mean over all cores.
        highest_mhz: the highest that the processor allows.
        temperature_c: of the hottest sensor, degrees Celsius.
        throttled: how often, or by how many steps, the processor was slowed down because of heat.
    """

    governors: tuple[str, ...]
    frequency_mhz: float | None
    highest_mhz: float | None
    temperature_c: float | None
    throttled: int | None


def describe_device(root: Path = _ROOT) -> Device:
    """The device that this runs on; ``root`` is where ``proc`` and ``sys`` are."""
    return Device(
        board=_text(root / "proc/device-tree/model").rstrip("\0"),
        processor=_processor(root),
        architecture=platform.machine(),
        system=platform.platform(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        python=platform.python_version(),
        numpy=np.__version__,
        onnxruntime=onnxruntime.__version__,
        emulated=find_emulation(root, platform.machine()),
    )


def read_state(root: Path = _ROOT) -> State:
    """The device's state now."""
    clocks = _numbers(root, f"{_CPUS}/cpu[0-9]*/cpufreq/scaling_cur_freq")
    highest = _numbers(root, f"{_CPUS}/cpu[0-9]*/cpufreq/cpuinfo_max_freq")
    heat = [value for value in _numbers(root, "sys/class/thermal/thermal_zone*/temp") if value > 0]
    return State(
        governors=tuple(sorted({*_texts(root, f"{_CPUS}/cpu[0-9]*/cpufreq/scaling_governor")})),
        frequency_mhz=sum(clocks) / len(clocks) / 1e3 if clocks else None,
        highest_mhz=max(highest) / 1e3 if highest else None,
        temperature_c=max(heat) / 1e3 if heat else None,
        throttled=_throttled(root),
    )


def find_emulation(root: Path, machine: str) -> str:
    """How an emulator of another processor shows; "" where none does.

    qemu-user shows programs the processor that they were made for, but some files of Linux tell of the real one.
    """
    if machine.lower() not in X86:
        real = ("vendor_id", "GenuineIntel", "AuthenticAMD")
        if any(word in _text(root / "proc/cpuinfo") for word in real):
            return f"/proc/cpuinfo shows an x86 processor to a program for {machine}"
    mapped = _QEMU.search(_text(root / "proc/thread-self/maps"))
    return f"/proc/thread-self/maps names {mapped[1]}" if mapped else ""


def _processor(root: Path) -> str:
    facts: dict[str, str] = {}
    for line in _text(root / "proc/cpuinfo").splitlines():
        key, _colon, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    named = next((facts[key] for key in ("model name", "Model", "Hardware", "cpu model") if facts.get(key)), "")
    if not named and "CPU part" in facts:
        named = f"implementer {facts.get('CPU implementer', '?')}, part {facts['CPU part']}"
    return named or platform.processor() or platform.machine()


def _throttled(root: Path) -> int | None:
    """Intel counts events; elsewhere Linux has cooling devices, whose state is how far they slow a processor down."""
    counts = _numbers(root, f"{_CPUS}/cpu[0-9]*/thermal_throttle/core_throttle_count")
    for folder in sorted(root.glob("sys/class/thermal/cooling_device*")):
        if "cpu" in _text(folder / "type").lower():  # "cpufreq-cpu0", "thermal-cpufreq-0"
            counts += _numbers(folder, "cur_state")
    return int(sum(counts)) if counts else None


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: 2**20].decode(sys.getfilesystemencoding(), "replace").strip()
    except OSError:  # also of sensors that do not answer
        return ""


def _texts(root: Path, pattern: str) -> Iterator[str]:
    return (text for path in sorted(root.glob(pattern)) if (text := _text(path)))


def _numbers(root: Path, pattern: str) -> list[float]:
    return [float(text) for text in _texts(root, pattern) if text.lstrip("-").isdigit()]
