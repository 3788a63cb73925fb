"""Write a kit: files, images with answers, the program, a README, checksums."""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from compress.atomic import machine_faults
from compress.exporter_faults import export_faults
from compress.kit.browser.page import page_files
from compress.kit.layers import NO_LAYERS, LayerFiles, layer_files
from compress.kit.samples import Samples, choose_samples
from compress.kit.sources import PROGRAM, program_files
from compress.networks.own_code import OwnCode
from compress.observer import Observer
from compress.report.documents import new_folder
from compress.runs import RunFolder
from compress.runs.file_records import FileRecord, mobile_files, recorded_files
from compress.runs.manifest import sha256_of
from compress.runs.outputs import check_outside_images
from compress.runs.recorded_inputs import reopen
from compress.settings.verify import UserOverrides
from compress.verdict.open_files import Loader, OpenedFile, open_file, try_recorded
from compress.verdict.pair import open_pair, pair_name
from compress.verdict.time_pairs import pairs_to_time
from compress.version import __version__
from exporters.device.kit_files import CLASSES, FACTS, IMAGES, MANIFEST, SCHEMA_VERSION, KitFile
from exporters.measure.layer_times import Int8For
from exporters.read.onnx_file import read_onnx

_README = """\
# {name}

Check and time these networks on this device. It needs Python 3.9 or later, numpy and onnxruntime:

    python -m pip install numpy onnxruntime
    python {program}                # about {seconds:.0f} seconds; python {program} --help

It checks that the files are whole and answer as they did where the kit was made ({images} test images), times them
against each other, and writes `device-report.json`. Nothing is sent anywhere.
Take that file back: `compress report RUN --device device-report.json`
"""
_IN_A_BROWSER = """\
In a browser: run `python -m http.server --bind 127.0.0.1` in this folder and open http://127.0.0.1:8000
"""
_SECONDS = 10  # for a pair of files, with opening and warm-up


def kit_of_run(
    path: Path,
    out: Path,
    *,
    moved: Mapping[str, object],
    code: OwnCode | None,
    layers: bool = False,
    int8_for: Int8For = "",
    runtime: Mapping[str, bytes],
    observer: Observer,
) -> tuple[KitFile, ...]:
    """Write a kit of every file that a run has exported into the new folder ``out``; its files.

    With ``layers`` also sample files for ``measure.py --layers``, in INT8 with ``int8_for`` a processor; with
    ``runtime`` (of ``read_runtime``) also the page.
    ``moved``, ``code`` and the errors are as in ``reopen``; UsageError if ``out`` holds something.
    """
    run = RunFolder.open(path)
    check_outside_images(out, run.read_config().model_copy(update=dict(moved)))
    with new_folder(out) as folder, export_faults():
        config, data = reopen(run, moved, code=code)
        records = recorded_files(run)
        mobile = [(record, run.read_bytes(record.file)) for record in mobile_files(run)]
        for record in records:
            try_recorded(run, record.file, data)
        files = [OpenedFile(record, open_file(run.path / record.file, data)) for record in records]
        samples = layer_files(config, data, int8_for=int8_for) if layers else NO_LAYERS
        name = run.path.resolve().name
        return _write(name, files, folder, observer, layers=samples, runtime=runtime, mobile=mobile)


def kit_of_files(
    original: Path,
    candidate: Path,
    load: Loader,
    out: Path,
    *,
    overrides: UserOverrides,
    runtime: Mapping[str, bytes],
    observer: Observer,
) -> tuple[KitFile, ...]:
    """Write a kit of two ONNX files into the new folder ``out``, with ``runtime`` also the page.

    Errors are as in ``open_files``.
    """
    with new_folder(out) as folder, export_faults():
        files = open_pair(original, candidate, load, overrides=overrides)
        return _write(pair_name(files), files, folder, observer, runtime=runtime)


def _write(
    name: str,
    files: Sequence[OpenedFile],
    folder: Path,
    observer: Observer,
    *,
    runtime: Mapping[str, bytes],
    layers: LayerFiles = NO_LAYERS,
    mobile: Sequence[tuple[FileRecord, bytes]] = (),
) -> tuple[KitFile, ...]:
    """Write everything; ``mobile`` are the ``.ort`` files."""
    samples = choose_samples(files)
    observer.stage("kit", index=1, count=1, steps=len(files))
    digests: dict[str, str] = {}

    def put(rel: str, data: bytes) -> None:
        (folder / rel).parent.mkdir(parents=True, exist_ok=True)
        (folder / rel).write_bytes(data)
        digests[rel] = sha256_of(data)

    described: list[KitFile] = []
    for number, file in enumerate(files):
        data = read_onnx(file.spec.path).data
        described.append(_describe(file, _name_in_kit(file.record, number), sha256_of(data), samples))
        with machine_faults(folder):
            put(described[-1].file, data)
        observer.step(number + 1, images=len(samples.chosen), values={"file": file.record.label})
    opened = list(zip(files, described, strict=True))
    for record, data in mobile:
        described.append(_describe_mobile(record, data, described))
        with machine_faults(folder):
            put(described[-1].file, data)
    records = [file.record for file in files]
    pairs = pairs_to_time([*records, *(record for record, _data in mobile)])
    facts = _facts(name, described, pairs, layers)
    others = _other_files(name, facts, files[0], samples, in_browser=bool(runtime))
    with machine_faults(folder):
        for rel, data in (*layers.files.items(), *others):
            put(rel, data)
        for rel, data in page_files(name, opened, pairs_to_time(records), samples, runtime):
            put(rel, data)
        lines = [f"{digest}  {rel}\n" for rel, digest in sorted(digests.items())]
        (folder / MANIFEST).write_text("".join(lines), encoding="utf-8")
    return tuple(described)


def _facts(
    name: str, described: Sequence[KitFile], pairs: Sequence[tuple[str, str]], layers: LayerFiles
) -> dict[str, object]:
    """``kit.json``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "compress_version": __version__,
        "files": [asdict(one) for one in described],
        "pairs": pairs,
        "layers": list(layers.files),
        "layers_int8_for": layers.int8_for,
    }


def _describe(file: OpenedFile, rel: str, sha256: str, samples: Samples) -> KitFile:
    spec = file.spec
    images, logits = samples.add(file)
    return KitFile(
        label=file.record.label,
        file=rel,
        sha256=sha256,
        source_sha256=spec.sha256,
        precision=file.record.precision,
        signature=spec.signature,
        image_size=spec.image_size,
        class_order=spec.class_order,
        images=images,
        logits=logits,
    )


def _describe_mobile(record: FileRecord, data: bytes, described: Sequence[KitFile]) -> KitFile:
    """An ``.ort`` file: it is called, and has to answer, as the file that it was made from."""
    source = next(one for one in described if one.label == record.source)
    rel = _name_in_kit(record, len(described))
    return replace(source, label=record.label, file=rel, sha256=sha256_of(data), source_sha256=record.sha256)


def _name_in_kit(record: FileRecord, number: int) -> str:
    """A name that every file system takes; numbered, since two files may have the same."""
    return f"files/{number}-{re.sub(r'[^A-Za-z0-9._-]+', '-', record.name)[-80:]}"


def _other_files(
    name: str, facts: Mapping[str, object], first: OpenedFile, samples: Samples, *, in_browser: bool
) -> Iterator[tuple[str, bytes]]:
    """Path and content of everything but the networks, the page and the checksums."""
    stored = io.BytesIO()
    np.savez_compressed(stored, **samples.arrays)  # type: ignore[arg-type]
    yield IMAGES, stored.getvalue()
    yield FACTS, (json.dumps(facts, indent=2) + "\n").encode()
    yield CLASSES, (json.dumps(list(first.spec.data.classes), indent=2) + "\n").encode()
    seconds = _SECONDS * len(facts["pairs"])  # type: ignore[arg-type]
    readme = _README.format(name=name, program=PROGRAM, seconds=seconds, images=len(samples.chosen))
    yield "README.md", (readme + _IN_A_BROWSER * in_browser).encode()
    yield from program_files()
