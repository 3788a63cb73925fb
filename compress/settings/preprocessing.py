"""Settings of preprocessing: how an image becomes the network's input, as it was when the weights were trained."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from compress.settings.fields import PANELS, Settings, parse_list, setting

if TYPE_CHECKING:
    from exporters.read.preparation import Preparation

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
ChannelOrder = Literal["rgb", "bgr"]

_SIZE: Final[dict[str, Any]] = {"ge": 16, "le": 1024}
_setting = partial(setting, None, panel=PANELS[2])
_channels = partial(_setting, expected="numbers such as 0.485,0.456,0.406")


def _not_empty(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if values == ():
        raise ValueError("no numbers")
    return values


_Number = Annotated[float, Field(allow_inf_nan=False)]
_Channels = Annotated[tuple[_Number, ...] | None, BeforeValidator(parse_list), AfterValidator(_not_empty)]

NORMALISATION: Final = ("mean", "std", "pixel_range")
FRAMING: Final = ("resize", "crop", "interpolation")
"""Settings that say one thing together."""

NOTED: Final = (*FRAMING, "channel_order")
"""Settings that files written here state as "preprocessing", besides size, mean and std."""


class PreprocessingSettings(Settings):
    """How a picture becomes the network's input; ``None``: as the data set's images are prepared by default.

    ``preprocessing`` is read where the settings are made: what it states fills the settings that are open, and the
    file is not needed again.
    """

    image_size: int | None = _setting("Height and width of images, in pixels.", shown="by data set", **_SIZE)
    resize: Annotated[int, Field(ge=16, le=2048)] | Literal["squash"] | None = _setting(
        "Shorter side before the centre crop of --image-size, in pixels; squash: both sides to --image-size.",
        shown="largest centred square",
        expected="pixels from 16 to 2048, or squash",
    )
    crop: Annotated[float | None, Field(ge=0.01, le=1)] = _setting(
        "Share of the resized side that the centre crop keeps (timm's crop_pct); or the crop in pixels, "
        "which is --image-size.",
        shown="by --resize",
        expected="a share such as 0.875, or pixels such as 224",
    )
    interpolation: Interpolation | None = _setting("Interpolation of resizing.", shown="bilinear")
    mean: _Channels = _channels(
        "Mean of each channel, in the order in which the network takes them.", shown="by data set"
    )
    std: _Channels = _channels("Standard deviation of each channel, likewise.", shown="by data set")
    pixel_range: Literal[1, 255] | None = _setting("Range of the pixels that --mean and --std are of.", shown="1")
    channel_order: ChannelOrder | None = _setting("Order of the colours that the network takes.", shown="rgb")
    preprocessing: Path | None = _setting(
        "File that states all this: a run's model.json, timm's config.json, Hugging Face's preprocessor_config.json. "
        "Flags win over it."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_file_and_crop(cls, values: Any) -> Any:
        """Take what a file states, and a crop in pixels as the image size."""
        if not isinstance(values, dict):
            return values
        given = _pixels_as_size(values)
        if not isinstance(given.get("preprocessing"), str | Path):
            return given
        from compress.settings.preprocessing_files import read_preprocessing

        stated = read_preprocessing(Path(given["preprocessing"]))
        return given | open_settings(given, stated) | {"preprocessing": None}

    @model_validator(mode="after")
    def _check_preprocessing(self) -> Self:
        if isinstance(self.resize, int):
            if self.crop is not None:
                raise ValueError("`resize` and `crop` both say how large the image is before the crop: drop one")
            if self.image_size is not None and self.resize < self.image_size:
                raise ValueError(
                    f"`resize` makes the shorter side {self.resize} pixels, less than the {self.image_size} of "
                    "`image_size` that are cropped: expected at least as many"
                )
        if self.pixel_range is not None and self.mean is None:
            raise ValueError("`pixel_range` is that of `mean` and `std`: give them too")
        self.preparation()
        return self

    def preparation(self) -> "Preparation | None":
        """How pixels are normalised, ``None`` where nothing is stated; ValueError for values that cannot be."""
        if self.mean is None and self.std is None:
            return None
        from exporters.errors import ExportError
        from exporters.read.preparation import Preparation

        given, whole = [self.mean or (), self.std or ()], self.pixel_range or 1
        if whole == 1 and given[0] and given[1] and max(given[0]) > 1:
            raise ValueError(
                f"`mean`: expected values of 0 to 1, got {max(given[0]):g}: if they are of pixels of 0 to 255, add "
                "`pixel_range` 255"
            )
        if {len(values) for values in given} - {0, 1, 3}:
            raise ValueError("`mean` and `std`: expected one value, or three for red, green and blue")
        mean, std = (tuple(value / whole for value in values) or None for values in given)
        try:
            return Preparation(mean, std, bgr=self.channel_order == "bgr")
        except ExportError as error:
            raise ValueError(f"`mean` and `std`: {error}") from None


def open_settings(given: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Of the settings ``stated`` about weights those that a user left open in ``given`` (name -> value or ``None``).

    A stated resize is in proportion to its image size: it is scaled to an image size that was given.
    """
    known = {name: value for name, value in given.items() if value is not None}
    taken = {name: value for name, value in stated.items() if value is not None and name not in known}
    for group in (NORMALISATION, ("resize", "crop")):  # where one is given, none of its group is taken
        if known.keys() & set(group):
            taken = {name: value for name, value in taken.items() if name not in group}
    size, own = known.get("image_size"), stated.get("image_size")
    if size and own and isinstance(taken.get("resize"), int):
        taken["resize"] = round(taken["resize"] * int(size) / own)
    return taken


def _pixels_as_size(values: dict[str, Any]) -> dict[str, Any]:
    """A crop in pixels states the image size."""
    try:
        pixels = float(values.get("crop") or 0)
    except (TypeError, ValueError):
        return values
    if pixels <= 1 or not pixels.is_integer() or not _SIZE["ge"] <= pixels <= _SIZE["le"]:
        return values
    if values.get("image_size") not in (None, int(pixels), str(int(pixels))):
        raise ValueError(
            f"`crop` in pixels is the image size: expected one of both, got {int(pixels)} and `image_size` "
            f"{values['image_size']}"
        )
    return values | {"crop": None, "image_size": int(pixels)}
