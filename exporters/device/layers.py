"""``--layers``: time the sample files of a kit, by which ``compress run --target`` budgets for this device."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from exporters.device.kit_files import Kit
from exporters.device.machine import X86, Device
from exporters.errors import CallError, MachineError
from exporters.measure.layer_times import SCHEMA, LayerTimes, SampleFile, TimingLimits, time_samples


def time_layers(kit: Kit, device: Device, limits: TimingLimits, *, progress: Callable[[int], None]) -> LayerTimes:
    """The table of layer times; ``progress`` gets the number of files that are done.

    CallError if the kit has no sample files, or those for another processor; MachineError in an emulator.
    """
    if not kit.layers:
        raise CallError("expected sample files in the kit for --layers, got none; try compress kit RUN --layers")
    if device.emulated:
        raise MachineError(
            f"expected a real device for --layers, this is an emulator ({device.emulated}), its times say nothing; "
            "try it on the device"
        )
    wanted, found = kit.layers_int8_for, "x86" if device.architecture.lower() in X86 else "arm"
    if wanted not in ("", found):
        raise CallError(
            f"the samples are INT8 files for {wanted}, this is {device.architecture}: make the kit with "
            f"--int8-for {found}"
        )
    files = []
    for rel in kit.layers:
        data = (kit.folder / rel).read_bytes()
        files.append(SampleFile(data, hashlib.sha256(data).hexdigest()))
    machine = {"cpu": device.processor, "architecture": device.architecture, "cores": str(device.cores)}
    machine.update({"board": device.board} if device.board else {})
    versions = {"onnxruntime": device.onnxruntime, "provider": limits.provider}
    samples = time_samples(files, limits, progress=progress)
    return LayerTimes(
        SCHEMA, machine, versions, limits.batch_size, limits.threads, samples, int8_for=kit.layers_int8_for
    )


def limits_of(*, batch: list[int], threads: list[int], provider: str, seconds: float | None) -> TimingLimits:
    """The settings of a table, which is of one batch size and one thread count: CallError for several."""
    if len(batch) > 1 or len(threads) > 1:
        raise CallError(f"expected one --batch and one --threads with --layers, got {batch} and {threads}")
    limits = TimingLimits(batch_size=batch[0], threads=threads[0], provider=provider)
    return limits if seconds is None else replace(limits, seconds=seconds)
