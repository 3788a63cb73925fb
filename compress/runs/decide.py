"""The values a run decides where the user left them open: by preset, network, data set and machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from compress.data.augment import SMALL_SIZE
from compress.data.bundle import DataBundle
from compress.data.load import DATASETS, load_data
from compress.data.preprocessing import assumptions
from compress.environment import has_bf16, native_block, usable_cores
from compress.errors import EnvironmentProblem, UsageError
from compress.networks.examine import examine
from compress.networks.find import find_network, fit
from compress.networks.own_code import OwnCode, resolve_spec
from compress.networks.own_network import Images
from compress.settings.config import KEEP_MACS, PRESETS, DecidedConfig, RunConfig, model_label
from compress.settings.preprocessing import open_settings
from compress.settings.schedule import Schedule, decide_schedule, schedule_with_fresh_head
from compress.training.recipe import batchnorms, choose_recipe, decided_settings
from compress.weights_files.published import published_weights, stated_preprocessing
from models_zoo.architecture import Architecture


def decide(config: RunConfig) -> DecidedConfig:
    """Fill in every open setting but the image size of a folder; UsageError or EnvironmentProblem if one cannot be."""
    network = named_network(config)
    if config.weights_name:
        published = published_weights(config.arch, config.weights_name, own=config.model is not None)
        if config.weights_key is not None:
            raise UsageError(f"{published.name} is one set of weights: drop --weights-key, which is for checkpoints")
        stated = open_settings(config.model_dump(), stated_preprocessing(published))
        config = config.model_copy(update={**stated, "weights": Path(published.name)})
    image_size = config.image_size or _default_size(config, network)
    if image_size is not None and image_size < network.min_size:
        raise UsageError(
            f"{config.arch} needs images of at least {network.min_size} pixels, got --image-size {image_size}"
        )
    _check_device(config.device)
    paper = config.preset == "paper"
    decided = {name: value for name, value in PRESETS[config.preset].items() if getattr(config, name) is None}
    if not paper and config.keep_params is None and not config.has_target:
        decided["keep_macs"] = config.keep_macs or KEEP_MACS
    if config.align == "auto":
        decided["align"] = 1 if paper else native_block()
    if config.finer_align is None:
        decided["finer_align"] = config.align == "auto"
    decided |= decide_schedule(config, preset=config.preset, weights=config.weights is not None)
    decided |= {
        "image_size": image_size,
        "train_original": config.weights is None if config.train_original is None else config.train_original,
        "threads": config.threads or usable_cores(),
    }
    return DecidedConfig(**config.model_dump() | decided).with_code(config.code)


def decide_start(config: DecidedConfig, *, fresh_head: bool) -> DecidedConfig:
    """Where the search of given weights begins; UsageError if they leave it no epochs, or need none before it."""
    if fresh_head:
        schedule = Schedule(epochs=config.epochs, search_start=config.search_start, search_end=config.search_end)
        return config.model_copy(update=dict(schedule_with_fresh_head(schedule, preset=config.preset)))
    if config.search_start:
        raise UsageError(
            "the given weights are trained for these classes, so the search begins at once: "
            f"expected --search-start 0, got {config.search_start}"
        )
    return config


def decide_training(config: DecidedConfig, network: nn.Module, *, trained: bool) -> DecidedConfig:
    """Fill in how the network is trained; UsageError if it has nothing to freeze. The paper's recipe is its own.

    ``trained``: all its weights were given, the head's too.
    """
    if config.preset == "paper":
        return config
    if config.freeze_bn and not batchnorms(network):
        raise UsageError(f"{config.arch} has no BatchNorm to keep as it is: drop --freeze-bn")
    recipe = choose_recipe(network, config, trained=trained)
    return config.model_copy(update=decided_settings(recipe))


def check_amp(config: DecidedConfig) -> None:
    """Raise EnvironmentProblem if the device would train slower in bfloat16 than without."""
    device = torch.device(config.device)
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda" else has_bf16()
    if config.amp and not has_bfloat16:
        raise EnvironmentProblem(
            f"--amp trains in bfloat16, which this {'GPU' if device.type == 'cuda' else 'processor'} does not have: "
            "it would be many times slower than without; drop --amp"
        )


def named_network(config: RunConfig) -> Architecture:
    """The network that settings name; UsageError or EnvironmentProblem if there is none."""
    published = bool(config.weights_name)
    return find_network(config.arch, model=config.model, code=config.code, published=published)


def _load_images(config: DecidedConfig) -> DataBundle:
    """The data of settings, whose ``download`` may be meant for published weights alone."""
    entry = DATASETS.get(config.dataset)
    if config.weights_name and not (entry is not None and entry.downloads):
        config = config.model_copy(update={"download": False})
    return load_data(config)


def thread_notes(config: DecidedConfig) -> tuple[str, ...]:
    """A note if there are more threads than cores; the run may have begun on another machine."""
    cores = usable_cores()
    note = f"threads: {config.threads}, usable cores: {cores}; more threads than cores wait for each other, "
    return (f"{note}--threads {cores} is faster",) if config.threads > cores else ()


def load_decided(config: DecidedConfig) -> tuple[DecidedConfig, DataBundle]:
    """Load the data of decided settings, and set the image size to that of the data.

    A folder of small images is treated as a named data set of small images; a user's own network is tried out on images
    of the data's size and channels.
    """
    data = _load_images(config)
    network = named_network(config)
    had = data.preprocessing.image_size
    small = config.image_size is None and had <= SMALL_SIZE
    size = _size_for(config, network, small=True) if small or had < network.min_size else None
    if size is not None and size > had:
        data = _load_images(config.model_copy(update={"image_size": size}))
        note = f"images are enlarged to {size} pixels, the size of {config.arch} for small images"
        data = replace(data, notes=(*data.notes, note))
    if config.code is not None:
        config, data = _fitted(config, config.code, data)
    if config.weights is not None:
        data = replace(data, notes=(*data.notes, *assumptions(config, data.preprocessing)))
    return config.model_copy(update={"image_size": data.preprocessing.image_size}), data


def _fitted(config: DecidedConfig, code: OwnCode, data: DataBundle) -> tuple[DecidedConfig, DataBundle]:
    """Settings and images that fit the user's own network, after a trial."""
    shown = data.preprocessing
    had = Images(shown.image_size, shown.channels, len(data.classes))
    name = model_label(code.spec) if code.spec else config.arch
    with torch.random.fork_rng(devices=[]), naming_other_code(config):
        any_size, any_channels = config.image_size is None, config.channels is None
        images = fit(code, name, had, any_size=any_size, any_channels=any_channels)
        examined = examine(code, name, images)
        notes = list(examined.notes)
    if images != had:
        channels = config.channels if images.channels == had.channels else images.channels
        config = config.model_copy(update={"image_size": images.size, "channels": channels})
        data = _load_images(config)
    if config.channels is not None:
        how = "three channels, a grey one repeated" if config.channels == 3 else "grey"
        notes.append(f"{config.arch} gets its images in {how}")
    if images.size != had.size:
        notes.append(f"images are made {images.size} pixels: {config.arch} does not take {had.size}")
    if not examined.channels_last:
        data = data.in_default_layout()
    return config, replace(data, notes=(*data.notes, *notes))


@contextmanager
def naming_other_code(config: DecidedConfig) -> Iterator[None]:
    """If the user's code does not fit, say first that it is not the code that the settings name."""
    try:
        yield
    except UsageError as error:
        if config.code is None or not config.code.spec:  # a function that was handed over
            raise
        named, given = resolve_spec(config.model or ""), resolve_spec(config.code.spec)
        if named == given:
            raise
        raise UsageError(f"the network was built by {named}; you gave {given}, and {error}") from error


def _default_size(config: RunConfig, network: Architecture) -> int | None:
    """The size for a named data set; a folder's is decided by its images."""
    if config.dataset not in DATASETS:
        return None
    return _size_for(config, network, small=DATASETS[config.dataset].small_images)


def _size_for(config: RunConfig, network: Architecture, *, small: bool) -> int | None:
    """The size of the network's input for data sets of small images or of photographs; ``None``: the images' own."""
    if config.preset == "paper":
        return network.paper_size or network.full_size
    return network.small_size if small else network.full_size


def _check_device(name: str) -> None:
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"expected a device such as cpu, cuda or cuda:1 for --device, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise EnvironmentProblem(
            f"this torch sees {torch.cuda.device_count() or 'no'} CUDA devices, and --device asks for {name}: run with "
            "--device cpu, or see `compress doctor`"
        )
