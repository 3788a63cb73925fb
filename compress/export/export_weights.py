"""``compress export`` of weights without a run: a network by name, the user's weights and images."""

import json
import os
from pathlib import Path

from compress.atomic import check_creatable, is_empty_folder, machine_faults, write_atomically
from compress.environment import use_threads
from compress.errors import BadInputError, UsageError
from compress.export.variants import Base, derive
from compress.exporter_faults import export_faults
from compress.observer import Observer
from compress.run.training_stages import load_checked
from compress.runs.decide import decide, load_decided
from compress.runs.file_records import FileRecord
from compress.runs.int8_files import Int8Maker, representative
from compress.runs.network_files import export_network, model_facts
from compress.runs.outputs import check_run_place
from compress.runs.stage_context import fresh_network
from compress.settings.config import RunConfig
from compress.settings.export import ExportSettings
from compress.verdict.chance import TEST_IMAGES, int8_notes
from exporters.write.scratch import scratch_folder

LABEL = "model"


def export_weights(
    config: RunConfig, wanted: ExportSettings, *, out: Path, observer: Observer | None = None
) -> list[FileRecord]:
    """Write ``model.onnx``, the wanted variants and ``model.json`` into the new folder ``out``: all, or none.

    ``config`` has the network, the weights, and the images: those of its training split calibrate INT8. UsageError
    if ``out`` exists, no weights are given, or settings do not fit; BadInputError if the weights or the images are
    unfit; CheckFailedError if a file cannot be made, or does not answer as it must.
    """
    if config.weights is None:
        raise UsageError("which weights? give --weights FILE, or a run folder")
    check_run_place(out, config)
    check_creatable(out)
    if out.exists() and not is_empty_folder(out):
        raise UsageError(f"--out {out} exists already: choose a new folder")
    settings, data = load_decided(decide(config.model_copy(update={"device": "cpu"})))
    use_threads(settings.threads)
    network = fresh_network(settings, data)
    given, observer = load_checked(settings, data, network), observer or Observer()
    for note in (*data.notes, *given.notes):
        observer.note(note)
    if given.fresh_head:
        raise BadInputError(
            f"{config.weights} has another number of classes than the {len(data.classes)} of {data.name}: "
            "a file would answer with a head that was never trained; give the images it was trained on"
        )
    with machine_faults(out), export_faults():
        out.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(beside=out) as folder:
            path, opset = folder / f"{LABEL}.onnx", wanted.opset or settings.opset
            first = export_network(
                network, path, settings, data, opset=opset, label=LABEL, role="original", source=LABEL
            )
            shown = data.preprocessing
            base = Base(first, mean=shown.mean, std=shown.std, bgr=shown.channel_order == "bgr")
            made = [first, *derive(base, wanted, Int8Maker(wanted, data, settings.seed), folder)]
            for note in int8_notes(made, representative(data.test, images=TEST_IMAGES, seed=settings.seed)):
                observer.note(note)
            facts = model_facts(data, arch=config.arch, files=made)
            write_atomically(folder / "model.json", (json.dumps(facts, indent=2) + "\n").encode())
            os.replace(folder, out)
    return [one.in_folder(out) for one in made]
