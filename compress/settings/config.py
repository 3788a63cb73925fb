"""The settings of one run: validated, immutable, read from and written to TOML at the edge."""

import re
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeVar, get_args

import tomli_w
from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr, ValidationError, model_validator

from compress.errors import UsageError
from compress.settings.fields import MOST_THREADS, PANELS, SEEDS, in_words, setting
from compress.settings.messages import describe
from compress.settings.methods import Method
from compress.settings.preprocessing import PreprocessingSettings
from compress.settings.schedule import Preset, ScheduleConfig, check_schedule, decide_schedule
from compress.settings.search import SearchSettings, parse_search
from compress.settings.target import TargetConfig, check_budget
from compress.settings.toml_files import read_toml
from compress.settings.training import TRAINING, TrainingConfig

if TYPE_CHECKING:
    from compress.networks.own_code import OwnCode

Augment = Literal["default", "paper"]
_Model = TypeVar("_Model", bound=BaseModel)

_BY_PRESET: Final[Mapping[str, tuple[Any, Any]]] = {
    "augment": ("default", "paper"),
    "distill": (True, False),
    "batch_size": (64, 128),
}
"""Settings that a preset decides where the user leaves them open: their values by default and with ``paper``.

SqueezeNet learned the bundled images faster with 64 images in a mini-batch: 0.5 points more after 22 epochs.
"""

PRESETS: Final[Mapping[Preset, Mapping[str, Any]]] = {
    preset: {name: values[number] for name, values in _BY_PRESET.items()}
    for number, preset in enumerate(get_args(Preset))
}

OPSETS: Final[Mapping[str, Any]] = {"ge": 18, "le": 25}
"""First and last ONNX operator set that files can be written in."""

KEEP_MACS: Final = 0.5
"""Fraction of the MACs to keep where no budget is given."""

_PUBLISHED: Final = re.compile(r"(timm/)?[\w.-]+")
_WEIGHTS_FILES: Final = (".pt", ".pth", ".safetensors", ".bin", ".ckpt", ".tar", ".pkl", ".npz", ".onnx", ".json")

_network, _data, _, _pruning, _training, _run = (partial(setting, panel=panel) for panel in PANELS)
_share = partial(_pruning, None, expected="a fraction between 0 and 1 (0.5 keeps half)", gt=0, lt=1)


def _by_preset(name: str, description: str, **limits: Any) -> Any:
    """A setting that the preset decides; its default is shown as ``64; paper: 128``."""
    return _training(None, description, shown="; paper: ".join(map(in_words, _BY_PRESET[name])), **limits)


class DataConfig(PreprocessingSettings):
    """Which images, and how they are read; ``None`` means "decided by the data set"."""

    dataset: str = _data(
        "fashion-sample", "Data set by name (see `compress list datasets`), or an image folder.", min_length=1
    )
    data_dir: Path | None = _data(None, "Folder with the files of the named data set.")
    download: bool = _data(False, "Download the named data set, and published weights, where missing.")
    skip_bad: int = _data(0, "Maximum number of unreadable images to skip.", ge=0)
    channels: Literal[1, 3] | None = _data(None, "Colour channels: 1 (grey) or 3 (RGB).", shown="as the images are")
    augment: Augment | None = _data(None, "Augmentation of training images.", shown="as the preset")
    mirror: bool | None = _data(
        None, "Mirror half of the training images (not for characters).", shown="yes; kuzushiji: no"
    )
    workers: int | None = _data(None, "Processes that read images; 0: the main one.", shown="by threads", ge=0, le=256)
    seed: int = _run(0, "Seed of everything random.", **SEEDS)


class RunConfig(TargetConfig, DataConfig, TrainingConfig, ScheduleConfig):
    """One run.

    ``None`` means "decided by the preset, the data set or the machine" (``runs.decide``); a run folder's
    ``config.toml`` holds the decided values. ``model`` only names the user's code. The code itself comes through
    ``with_code``: it is never read from a file of settings.
    """

    arch: str = _network(
        ...,
        "Network by name (see `compress list archs`).",
        flags=("--arch", "-a"),
        expected="the name of a network (see `compress list archs`)",
    )
    model: str | None = _network(None, "Your network: path/file.py:build or package.module:build. The code is run.")
    weights: Path | None = _network(
        None, "Trained weights: a file, or published ones: imagenet, or a name. They are the original."
    )
    weights_key: str | None = _network(
        None,
        "Part of a checkpoint that holds the weights, such as state_dict_ema.",
        shown="what fits best; averaged ones first",
    )
    train_original: bool | None = _training(
        None, "Train the original for as long as the pruned network.", shown="yes without --weights"
    )

    preset: Preset = _pruning("default", "paper: the published algorithm, after 20 epochs of plain training.")
    method: Method = _pruning("edropout", "Method that chooses the channels (see `compress list methods`).")
    plan: Path | None = _pruning(
        None, "For --method scratch: plan.json of the run whose shape is trained from fresh weights."
    )
    keep_macs: float | None = _share("Fraction of the multiply-accumulates to keep.", shown=str(KEEP_MACS))
    keep_params: float | None = _share("Fraction of the parameters to keep; given alone, it replaces --keep-macs.")
    align: Literal["auto"] | Annotated[int, Field(ge=1)] = _pruning(
        "auto",
        "Keep channels in multiples of this number; auto: as the processor prefers.",
        expected="'auto' or a positive whole number",
    )
    finer_align: bool | None = _pruning(
        None, "Smaller multiples where the budget is out of reach otherwise.", shown="with --align auto"
    )
    population: int = _pruning(8, "Number of pruning states that compete.", ge=4, le=64)
    search: Annotated[SearchSettings, BeforeValidator(parse_search)] = _pruning(
        SearchSettings,
        "Settings of the search, for experiments: period=8,images=64 (see the method's card).",
        shown="those of the card",
        expected="settings of the search such as period=8,images=32",
    )
    distill: bool | None = _by_preset("distill", "Train the pruned network on the original's answers as well.")
    batch_size: int | None = _by_preset("batch_size", "Images in a training step.", ge=2, le=65_536)

    device: str = _run("cpu", "Device to train on: cpu, cuda, cuda:1.")
    threads: int | None = _run(None, "Processor threads.", shown="all", ge=1, le=MOST_THREADS)
    opset: int = _run(18, "ONNX operator set.", **OPSETS)

    _code: "OwnCode | None" = PrivateAttr(default=None)

    @property
    def code(self) -> "OwnCode | None":
        """The user's code that ``model`` names; ``None`` until ``with_code`` gives it."""
        return self._code

    def with_code(self, code: "OwnCode | None") -> Self:
        """The same settings with the user's code; UsageError if they are for a network by name."""
        if code is not None and self.model is None:
            raise UsageError(f"the network is {self.arch}, which is built by name: drop --model")
        copy = self.model_copy()
        copy._code = code
        return copy

    @property
    def weights_name(self) -> str:
        """The name of published weights that ``weights`` is; empty if it is what a file is called, or one is there."""
        name = str(self.weights or "")
        is_file = not _PUBLISHED.fullmatch(name) or name.endswith(_WEIGHTS_FILES) or Path(name).is_file()
        return "" if is_file else name

    @property
    def budget_share(self) -> float:
        """The smallest share that the budget leaves of MACs, parameters or time; 1 if none is limited."""
        return min(self.keep_macs or 1.0, self.keep_params or 1.0, self.target_share)

    @model_validator(mode="before")
    @classmethod
    def _name_model(cls, values: Any) -> Any:
        """A user's model is called after its file or module and its function."""
        if not isinstance(values, dict) or not isinstance(values.get("model"), str):
            return values
        label = model_label(values["model"])
        if values.get("arch", label) != label:
            raise ValueError(f"expected `arch` or `model`, got both: {values['arch']!r} and {values['model']!r}")
        return values | {"arch": label}

    @model_validator(mode="after")
    def _check_combinations(self) -> "RunConfig":
        if self.preset == "paper" and (self.keep_macs or self.keep_params):
            raise ValueError("`preset` paper has no budget: drop `preset`, or drop `keep_macs` and `keep_params`")
        check_budget(self, keep_macs=self.keep_macs, paper=self.preset == "paper")
        if self.preset == "paper" and self.method != "edropout":
            raise ValueError(f"`preset` paper runs `method` edropout alone, got {self.method}: drop one of the two")
        if self.preset == "paper" and self.search != SearchSettings():
            raise ValueError("`preset` paper has its own search: drop `preset` or `search`")
        if self.distill is False and self.search.answers == "teacher":
            raise ValueError("answers=teacher in `search` needs a teacher: drop answers=teacher or --no-distill")
        open_values = (None, False)
        given = [f"`{name}`" for name in TRAINING if not any(getattr(self, name) is value for value in open_values)]
        if self.preset == "paper" and given:
            raise ValueError(f"`preset` paper has its own training: drop `preset`, or drop {', '.join(given)}")
        if self.freeze_bn and self.weights is None:
            raise ValueError("`freeze_bn` needs `weights`: add `weights` or drop `freeze_bn`")
        if self.weights_key is not None and self.weights is None:
            raise ValueError("`weights_key` needs `weights`: add `weights` or drop `weights_key`")
        if (self.method == "scratch") != (self.plan is not None):
            raise ValueError("`method` scratch and `plan` go together: give both, or neither")
        has_weights = self.weights is not None
        check_schedule(decide_schedule(self, preset=self.preset, weights=has_weights))
        if self.train_original is False and self.weights is None:
            raise ValueError("the original is not trained: give its `weights`, or drop `train_original`")
        return self


class DecidedConfig(RunConfig):
    """Settings with every open value decided (``runs.decide``); the image size is decided when the data is loaded."""

    augment: Augment
    train_original: bool
    align: int
    finer_align: bool = False
    distill: bool
    epochs: int
    search_start: int
    search_end: int
    batch_size: int
    threads: int


def model_label(spec: str) -> str:
    """What a user's model is called: ``nets/tiny.py:build`` and ``package.tiny:build`` are both ``tiny.build``."""
    place, _, function = spec.rpartition(":")
    stem = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    return f"{stem}.{function}" if stem and function else spec


def build_config(values: dict[str, Any], *, file: Path | None = None) -> RunConfig:
    """Merge a TOML file with explicit values (``None``: not given); UsageError as in ``read_toml`` and ``build``."""
    given = {key: value for key, value in values.items() if value is not None}
    merged = read_toml(file) if file is not None else {}
    if "preprocessing" in given:  # a file that flags name takes the place of all that the TOML file says of it
        merged = {key: value for key, value in merged.items() if key not in PreprocessingSettings.model_fields}
    if {"arch", "model"} & given.keys():  # either takes the place of the file's network
        merged = {key: value for key, value in merged.items() if key not in ("arch", "model")}
    return build(RunConfig, merged | given, file=file, in_file=merged.keys() - given.keys())


def build(
    model: type[_Model], values: Mapping[str, Any], *, file: Path | None = None, in_file: Collection[str] = ()
) -> _Model:
    """Validate settings of any kind, all at once; UsageError if any is unknown or out of range.

    In messages the settings named ``in_file`` have their keys in ``file``, all others their flags.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise UsageError(describe(error, model, file=file, in_file=in_file)) from None


def to_toml(config: RunConfig) -> str:
    """The settings as TOML that ``build_config`` reads back to an equal value."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))
