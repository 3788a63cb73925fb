"""The command of a kit: check that it is whole, check the answers, time the files, write ``device-report.json``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from exporters.device.answers import batches_of, compare_answers, rule_for
from exporters.device.doubts import clock_warnings, timing_warnings
from exporters.device.kit_files import Kit, KitFile, open_kit
from exporters.device.layers import limits_of, time_layers
from exporters.device.machine import describe_device, read_state
from exporters.device.providers import choose_provider, nodes_by_provider
from exporters.device.report import FileResult, Measured, write_file, write_report
from exporters.device.timing import PairTiming, batch_sizes_of, time_pair
from exporters.errors import CallError, ExportError, FileError, SettingError
from exporters.measure.latency import LatencySettings
from exporters.read.session import CPU_PROVIDER, SESSION_FACTS, run_batches, session_options, start_session

SECONDS = 2.5  # of timing each pair of files
_SHOWN_EVERY = 8

OK, USAGE, CHECK_FAILED, BAD_FILE, PROBLEM, STOPPED = 0, 2, 3, 4, 5, 130


def main(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Measure the kit in ``folder``; exit codes as those of compress: 3 where answers differ, 4 for a damaged kit."""
    given = _parser().parse_args(arguments)
    given.out = given.out or Path("device-layers.json" if given.layers else "device-report.json")
    try:
        return _time_layers(folder, given) if given.layers else _measure(folder, given)
    except ExportError as error:
        say(f"Error: {error}", sys.stderr)
        usage = isinstance(error, (CallError, SettingError))
        return BAD_FILE if isinstance(error, FileError) else USAGE if usage else PROBLEM
    except MemoryError:
        say("Error: not enough memory; try a smaller --batch", sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        say("stopped, nothing was written", sys.stderr)
        return STOPPED


def say(text: str, stream: TextIO | None = None) -> None:
    """Write a line; characters that cannot be seen or encoded are shown as Python writes them."""
    stream = stream or sys.stdout
    seen = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    encoding = stream.encoding or "ascii"
    stream.write(seen.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="measure.py", description="Check and time the ONNX files of this kit; it sends nothing anywhere."
    )
    parser.add_argument("--seconds", type=_positive, help="timing of each pair and setting (2.5), or sample file (0.8)")
    parser.add_argument("--threads", type=_counts, default=[1], help="thread counts, comma-separated (1)")
    parser.add_argument("--batch", type=_counts, default=[1], help="batch sizes, comma-separated (1)")
    parser.add_argument("--provider", default="cpu", help="execution provider: cpu, xnnpack, cuda, ... (cpu)")
    parser.add_argument(
        "--layers", action="store_true", help="time the kit's sample files instead, for compress run --target"
    )
    parser.add_argument("--out", type=Path, help="file (device-report.json; with --layers device-layers.json)")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds above 0 and up to a day, got {text}")
    return value


def _counts(text: str) -> list[int]:
    values = sorted({int(part) for part in text.split(",")})
    if not 1 <= values[0] <= values[-1] <= 1024:
        raise argparse.ArgumentTypeError(f"expected numbers from 1 to 1024 such as 1,4, got {text}")
    return values


def _measure(folder: Path, given: argparse.Namespace) -> int:
    provider, device = choose_provider(given.provider), describe_device()
    kit = _opened(folder, given)
    say(f"{kit.name}: {len(kit.files)} files, {len(kit.labels_N)} images; {device.processor}, {provider}")
    files = tuple(_checked(kit, file, provider) for file in kit.files)
    warnings = [f"{one.file.label}: answers differ from those expected" for one in files if not one.answers.passed]
    before = read_state()
    timings: tuple[PairTiming, ...] = ()
    if device.emulated:
        warnings.append(f"nothing was timed: this is an emulator ({device.emulated}), its times say nothing")
    else:
        timings = tuple(_timed(kit, given, provider))
    after = read_state()
    warnings += [*clock_warnings(before, after), *timing_warnings(timings)]
    session = {**SESSION_FACTS, "provider": provider}
    seconds = given.seconds or SECONDS
    measured = Measured(kit, device, provider, session, seconds, (before, after), files, timings, tuple(warnings))
    for warning in warnings:
        say(f"warning: {warning}")
    write_report(given.out, measured)
    say(f"Wrote {given.out}; read it where the run is: compress report RUN --device {given.out.name}")
    return OK if all(one.answers.passed for one in files) else CHECK_FAILED


def _time_layers(folder: Path, given: argparse.Namespace) -> int:
    device, provider = describe_device(), choose_provider(given.provider)
    limits = limits_of(batch=given.batch, threads=given.threads, provider=provider, seconds=given.seconds)
    kit = _opened(folder, given)
    count, before = len(kit.layers), read_state()

    def progress(done: int) -> None:
        if done % _SHOWN_EVERY == 0 or done == count:
            say(f"  {done} of {count} sample files")

    say(f"{kit.name}: {count} sample files; {device.processor}, {provider}")
    table = time_layers(kit, device, limits, progress=progress)
    for warning in clock_warnings(before, read_state()):
        say(f"warning: {warning}")
    write_file(given.out, table.to_json())
    precision = " --target-precision int8" if kit.layers_int8_for else ""
    say(
        f"Wrote {given.out}; budget for this device: compress run --target {given.out.name}{precision} "
        "--target-latency-ms T"
    )
    return OK


def _opened(folder: Path, given: argparse.Namespace) -> Kit:
    if not given.out.absolute().parent.is_dir():
        raise CallError(f"expected a file in a folder that exists for --out, got {given.out}")
    return open_kit(folder)


def _checked(kit: Kit, file: KitFile, provider: str) -> FileResult:
    """A file's answers on the kit's images, and where its nodes ran."""
    data, images = kit.read(file), kit.arrays[file.images]
    session = start_session(data, session_options(threads=1), path=file.file, provider=provider)
    answers = compare_answers(
        run_batches(session, batches_of(images)),
        kit.arrays[file.logits],
        kit.labels_N,
        rule=rule_for(file.precision, on_cpu=provider == CPU_PROVIDER),
        class_order=file.class_order,
    )
    nodes = nodes_by_provider(provider, data, images[: file.signature.batch or 1], source=file.file)
    within = "" if answers.tolerance is None else f" (allowed {answers.tolerance:.1e})"
    say(
        f"  {file.label}: {'same' if answers.passed else 'OTHER'} answers, same class on {answers.agreeing} of "
        f"{answers.images}, largest difference {answers.max_abs_difference:.1e}{within}"
    )
    if provider != CPU_PROVIDER:
        counts = {name: sum(operators.values()) for name, operators in nodes.items()}
        say(f"    nodes: {', '.join(f'{count} on {name}' for name, count in counts.items())}")
    return FileResult(file, answers, nodes)


def _timed(kit: Kit, given: argparse.Namespace, provider: str) -> Iterator[PairTiming]:
    settings = LatencySettings.lasting(given.seconds or SECONDS)
    for pair in kit.pairs:
        for batch_size in batch_sizes_of(kit, pair, given.batch):
            for threads in given.threads:
                timing = time_pair(
                    kit, pair, batch_size=batch_size, threads=threads, provider=provider, settings=settings
                )
                result = timing.comparison
                say(
                    f"  {pair[1]} against {pair[0]}, batch {batch_size}, threads {threads}: "
                    f"{result.original.p50_ms:.3g} -> {result.candidate.p50_ms:.3g} ms, {result.ratio:.2f}x as fast "
                    f"({result.ratio_low:.2f} to {result.ratio_high:.2f}), {result.speed_change}"
                )
                yield timing
