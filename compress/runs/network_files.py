"""A network of a run in files: loaded as a module again; written as ONNX, and compared with its module."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

import torch
from torch import Tensor, nn

from compress.channels.costs import Cost
from compress.data.bundle import DataBundle
from compress.data.framing import Framing
from compress.data.preprocessing import Preprocessing
from compress.errors import BadInputError, CheckFailedError, UsageError
from compress.networks.own_code import wrap_code
from compress.runs import MODEL_FACTS, RunFolder
from compress.runs.decide import named_network
from compress.runs.file_records import FileRecord, Role
from compress.runs.json_files import NetworkFacts
from compress.runs.stage_context import check_images, weights_file
from compress.settings.config import DecidedConfig
from compress.settings.preprocessing import FRAMING, ChannelOrder
from compress.structure.plan import PruningPlan
from compress.structure.remove import cut
from compress.version import __version__
from exporters.read.cost import count_cost
from exporters.read.logits import ParityReport, check_parity
from exporters.write.onnx_export import export_onnx

Which = Literal["pruned", "original"]


def load(run: str | Path, network: Which = "pruned", *, build: Callable[[int], nn.Module] | None = None) -> nn.Module:
    """A network of a finished run, on the CPU, in evaluation mode; it can be trained further.

    The numbers come from the run folder alone and are checked against its checksums.

    Args:
        run: the run folder.
        network: "pruned", or "original", the one the report compares it with.
        build: for a run of your own network, the function that built it: a run folder makes no code run.

    Returns:
        A module from images (B, C, H, W), normalised as ``artifacts/model.json`` says, to logits (B, K).

    Raises:
        UsageError: no such network; ``build`` is missing, not wanted, or fails.
        BadInputError: no run folder, an export that has not taken place yet, a file that was changed.
    """
    if network not in get_args(Which):
        raise UsageError(f"expected network 'pruned' or 'original', got {network!r}")
    folder = RunFolder.open(Path(run))
    config = folder.read_config().with_code(wrap_code(build) if build else None)
    facts = folder.read_json(MODEL_FACTS, NetworkFacts)
    channels, size = facts["channels"], facts["image_size"]
    try:
        architecture = named_network(config)
        with torch.random.fork_rng(devices=[]):  # fresh weights are drawn, and overwritten
            module = architecture.build(classes=len(facts["classes"]), channels=channels, image_size=size)
    except (UsageError, ValueError) as error:
        if config.model is not None:
            raise
        raise BadInputError(f"{folder.path} holds no network that this version can build: {error}") from None
    if network == "pruned":
        plan = PruningPlan.from_json(folder.read_text("04_remove/plan.json"))
        module, stage = cut(module.eval(), plan, torch.zeros(2, channels, size, size)), "05_finetune"
    else:
        stage = "02_original" if trained_here(folder) else "01_baseline"
    try:
        module.load_state_dict(folder.load_tensors(weights_file(stage)))
    except RuntimeError as error:
        raise BadInputError(f"{folder.path}/{weights_file(stage)} does not fit its network: {error}") from None
    return module.eval()


def load_preprocessing(run: str | Path) -> Preprocessing:
    """How a finished run's networks want their images: a transform from a picture to float32 (C, H, W).

    Example: ``compress.load_preprocessing("runs/first")(PIL.Image.open("a.jpg"))``, or as ``transform`` of a data set
    of torchvision's. It comes from ``artifacts/model.json``; BadInputError as in ``load``.
    """
    facts = RunFolder.open(Path(run)).read_json(MODEL_FACTS, NetworkFacts)
    return Preprocessing(
        image_size=facts["image_size"],
        channels=facts["channels"],
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        framing=framing_of(facts),
        channel_order=channel_order_of(facts),
    )


def framing_of(facts: Mapping[str, Any]) -> Framing:
    """How images are resized and cropped, from ``model.json``; files of earlier versions say it in words alone."""
    if "preprocessing" not in facts:
        return Framing(None if "centred square" in str(facts["resize"]) else "squash")
    how = {name: facts["preprocessing"].get(name) for name in FRAMING}
    return Framing(**{name: value for name, value in how.items() if value is not None})


def channel_order_of(facts: Mapping[str, Any]) -> ChannelOrder:
    """The order of the colours that the network takes, from ``model.json``."""
    return facts.get("preprocessing", {}).get("channel_order", "rgb")


REBUILT: Final[Mapping[Role, Which]] = {"original": "original", "candidate": "pruned"}
"""Roles of the files whose networks ``load`` rebuilds."""


def rebuild(run: RunFolder, role: Role, config: DecidedConfig) -> nn.Module:
    """The network of the file with this role."""
    return load(run.path, REBUILT[role], build=config.code.build if config.code else None)


def trained_here(folder: RunFolder) -> bool:
    """False if the run's original is the user's own network, used unchanged."""
    return folder.read_config().weights is None or folder.read_json("01_baseline/epochs.json", int) > 0


def export_network(
    network: nn.Module,
    path: Path,
    config: DecidedConfig,
    data: DataBundle,
    *,
    opset: int,
    cost: Cost | None = None,
    **facts: Any,
) -> FileRecord:
    """Write a float32 file, with the classes and the preprocessing as metadata, every value as JSON.

    Its MACs are counted in the file; so are its parameters, unless ``cost`` has those of the module. ``facts`` are
    other fields of the record.
    CheckFailedError if the file does not answer as the module does.
    """
    metadata = metadata_of(data.preprocessing, data.classes)
    artifact = export_onnx(network, path, input_shape=data.preprocessing.input_shape, opset=opset, metadata=metadata)
    counted = count_cost(path)
    return FileRecord(
        file=str(path),
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        precision="fp32",
        macs=counted.macs,
        parameters=(cost or counted).parameters,
        denormals_flushed=artifact.denormals_flushed,
        parity=prove_parity(network, path, check_images(config, data).cpu(), threads=config.threads),
        **facts,
    )


def macs_note(in_torch: int, *, in_file: int) -> tuple[str, ...]:
    """A note where a file that gives the same answers has fewer MACs than torch's calls."""
    if in_file >= in_torch:
        return ()
    return (f"the ONNX file has {in_file:,} MACs, torch {in_torch:,}: calls with equal inputs are computed once",)


def prove_parity(network: nn.Module, path: Path, images: Tensor, *, threads: int) -> ParityReport:
    """Compare a file with its module on real images (B, C, H, W); CheckFailedError if their answers differ."""
    parity = check_parity(network, path, [images], threads=threads)
    if not parity.passed:
        raise CheckFailedError(
            f"{path.name}: onnxruntime and torch differ by {parity.max_abs_difference:.2e} "
            f"(allowed {parity.tolerance:.0e}) and agree on {parity.argmax_agreeing} of {parity.images} images"
        )
    return parity


def model_facts(data: DataBundle, *, arch: str, files: Iterable[FileRecord]) -> dict[str, Any]:
    """What ``model.json`` holds: enough to use the files beside it without this package."""
    return {
        "schema_version": "1.0",
        "arch": arch,
        "input": "images",
        "output": "logits",
        "files": {file.label: file.name for file in files},
        "data_fingerprint": data.fingerprint,
        **input_facts(data.preprocessing, data.classes),
    }


def metadata_of(shown: Preprocessing | None, classes: Sequence[str] | None) -> dict[str, str]:
    """The metadata of an ONNX file: every value as JSON, but for our version; without what is ``None``, not known."""
    stated = input_facts(shown, classes or ()) if shown else {"classes": list(classes or ())}
    if shown and shown.is_usual:  # "resize" says it all
        del stated["preprocessing"]
    if classes is None:
        del stated["classes"]
    return {key: json.dumps(value) for key, value in stated.items()} | {"producer": f"compress {__version__}"}


def input_facts(shown: Preprocessing, classes: Sequence[str]) -> dict[str, Any]:
    """Classes in the order of the logits, size, channels, and how 8-bit pixels become the input."""
    order = "reverse the channels to blue, green, red, " if shown.channel_order == "bgr" else ""
    return {
        "classes": list(classes),
        "image_size": shown.image_size,
        "channels": shown.channels,
        "mean": list(shown.mean),
        "std": list(shown.std),
        "resize": shown.resize,
        "pixel_scale": f"{order}divide 8-bit pixels by 255, then subtract mean and divide by std, per channel",
        "layout": "NCHW, float32",
        "preprocessing": shown.settings,
    }
