"""The settings of one run: validated, immutable, read from and written to TOML at the edge."""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from compress.errors import UsageError
from compress.settings.messages import describe

if TYPE_CHECKING:
    from compress.networks.own_code import OwnCode

Preset = Literal["default", "paper"]
Augment = Literal["default", "paper"]
Method = Literal["edropout", "saliency", "anneal", "random", "l1", "l2", "bn-scale", "taylor", "thinet", "scratch"]
_Settings = TypeVar("_Settings", bound="DataConfig")


class DataConfig(BaseModel):
    """Which images, and how they are read. Sizes are pixels; ``None`` means "decided by the data set"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = "fashion-sample"
    data_dir: Path | None = None
    download: bool = False
    skip_bad: int = Field(default=0, ge=0)
    image_size: int | None = Field(default=None, ge=16, le=1024)
    channels: Literal[1, 3] | None = None
    augment: Augment | None = None
    workers: int | None = Field(default=None, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**31)


class RunConfig(DataConfig):
    """One run, whole. Epochs are passes over the training split.

    ``None`` means "decided by the preset, the data set or the machine" (``settings.decide``); a run
    folder's ``config.toml`` holds the decided values. ``model`` only names the user's code: what it names
    comes through ``with_code``, and is never read from a file of settings.
    """

    arch: str
    model: str | None = None
    weights: Path | None = None
    train_original: bool | None = None

    preset: Preset = "default"
    method: Method = "edropout"
    plan: Path | None = None
    keep_macs: float | None = Field(default=None, gt=0, lt=1)
    keep_params: float | None = Field(default=None, gt=0, lt=1)
    align: Literal["auto"] | int = "auto"
    population: int = Field(default=8, ge=4, le=64)
    distill: bool | None = None

    baseline_epochs: int | None = Field(default=None, ge=0)
    search_epochs: int | None = Field(default=None, ge=1)
    finetune_epochs: int | None = Field(default=None, ge=0)
    batch_size: int | None = Field(default=None, ge=2)
    device: str = "cpu"
    threads: int | None = Field(default=None, ge=1)
    opset: int = Field(default=18, ge=18)

    _code: "OwnCode | None" = PrivateAttr(default=None)

    @property
    def code(self) -> "OwnCode | None":
        """The user's code that ``model`` names, where the command named it too."""
        return self._code

    def with_code(self, code: "OwnCode | None") -> Self:
        """The same settings with the user's code.

        Raises:
            UsageError: they are those of a network by name.
        """
        if code is not None and self.model is None:
            raise UsageError(f"the network is {self.arch}, which takes no code of yours: drop --model")
        copy = self.model_copy()
        copy._code = code
        return copy

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
        if isinstance(self.align, int) and self.align < 1:
            raise ValueError(f"expected 'auto' or at least 1 for `align`, got {self.align}")
        if self.preset == "paper" and (self.keep_macs or self.keep_params):
            raise ValueError("the paper's algorithm has no budget: drop `keep_macs` and `keep_params` or `preset`")
        if self.preset == "paper" and self.method != "edropout":
            raise ValueError(f"`preset` paper is EDropout as published: drop it, or `method` {self.method}")
        if (self.method == "scratch") != (self.plan is not None):
            raise ValueError("`method` scratch trains the shape of a `plan` from fresh weights: give both, or neither")
        if self.baseline_epochs == 0 and self.weights is None and self.preset != "paper":
            raise ValueError(
                "without `weights` the original has to be trained: expected at least 1 for `baseline_epochs`"
            )
        if self.train_original is False and self.weights is None:
            raise ValueError(
                "without `weights` the original is trained for as long as the pruned network: give some, or leave "
                "`train_original` open"
            )
        return self


class DecidedConfig(RunConfig):
    """Settings with every open value decided (``settings.decide``); the image size is settled by the data."""

    augment: Augment
    train_original: bool
    align: int
    distill: bool
    baseline_epochs: int
    search_epochs: int
    finetune_epochs: int
    batch_size: int
    threads: int


def model_label(spec: str) -> str:
    """What a user's model is called: ``nets/tiny.py:build`` and ``package.tiny:build`` are both ``tiny.build``."""
    place, _, function = spec.rpartition(":")
    stem = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    return f"{stem}.{function}" if stem and function else spec


def build_config(values: dict[str, Any], *, file: Path | None = None) -> RunConfig:
    """Merge a TOML file with explicit values (the values win) and validate all of it at once.

    Args:
        values: settings given explicitly, by name; ``None`` means not given.
        file: an optional TOML file of settings.

    Raises:
        UsageError: the file is unreadable or any setting is unknown or out of range.
    """
    given = {key: value for key, value in values.items() if value is not None}
    merged = read_toml(file) if file is not None else {}
    if {"arch", "model"} & given.keys():  # either takes the place of the file's network
        merged = {key: value for key, value in merged.items() if key not in ("arch", "model")}
    return _built(RunConfig, merged | given, file=file, in_file=merged.keys() - given.keys())


def build_data_config(values: dict[str, Any]) -> DataConfig:
    """Validate settings of the images alone.

    Raises:
        UsageError: any setting is unknown or out of range.
    """
    return _built(DataConfig, values)


def _built(
    kind: type[_Settings], values: dict[str, Any], *, file: Path | None = None, in_file: Collection[str] = ()
) -> _Settings:
    try:
        return kind(**values)
    except ValidationError as error:
        raise UsageError(describe(error, kind.model_fields, file=file, in_file=in_file)) from None


def read_toml(file: Path) -> dict[str, Any]:
    """Read settings from a TOML file.

    Raises:
        UsageError: the file is missing or no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the config {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not valid TOML: {error}") from None


def to_toml(config: RunConfig) -> str:
    """The settings as TOML that ``build_config`` reads back to an equal value."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))
