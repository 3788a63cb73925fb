"""Preprocessing: how images have to be prepared for a network, as they were in its test."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from compress.data.framing import Framing
from compress.data.images import check_range, convert_image
from compress.errors import UsageError
from compress.settings.config import DataConfig
from compress.settings.preprocessing import FRAMING, ChannelOrder, PreprocessingSettings
from exporters.errors import ExportError
from exporters.read.preparation import Preparation

USUAL: Final = Framing()


@dataclass(frozen=True)
class Preprocessing:
    """How images have to be prepared for the network, as they were in its test."""

    image_size: int  # height and width, pixels
    channels: int  # 1 grey or 3 RGB
    mean: tuple[float, ...]  # per channel, of pixels scaled to [0, 1], in the order in which the network takes them
    std: tuple[float, ...]
    framing: Framing = USUAL
    channel_order: ChannelOrder = "rgb"
    decoding: str = ""  # in words, what a picture goes through before it is framed
    channels_last: bool = True  # how batches lie in memory; no value depends on it

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image of the network's input."""
        return self.channels, self.image_size, self.image_size

    @property
    def resize(self) -> str:
        """In words, how an image of any size becomes ``image_size`` x ``image_size``."""
        return ", ".join(filter(None, (self.decoding, self.framing.in_words(self.image_size))))

    @property
    def preparation(self) -> Preparation:
        """What is done to 8-bit pixels of red, green and blue, or grey."""
        return Preparation(tuple(self.mean), tuple(self.std), bgr=self.channel_order == "bgr")

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that prepare images so, besides size, mean and std; those that are open are ``None``."""
        return {**vars(self.framing), "channel_order": self.channel_order}

    @property
    def is_usual(self) -> bool:
        """Whether images are prepared as they are where no setting says otherwise, but for mean and std."""
        return self.framing in (USUAL, Framing("squash")) and self.channel_order == "rgb"

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels uint8 [B, H, W, C], RGB -> float32 [B, C, H, W]; grey is repeated for three channels."""
        if self.channel_order == "bgr":
            pixels = pixels.flip(-1)
        wide_BHWC = pixels.expand(-1, -1, -1, self.channels).contiguous()
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        images = wide_BHWC.float().div_(255).sub_(mean).div_(std).permute(0, 3, 1, 2)
        return images if self.channels_last else images.clone(memory_format=torch.contiguous_format)

    def restore(self, images: Tensor) -> np.ndarray:
        """The pixels uint8 [..., H, W, C], RGB, that normalised images [..., C, H, W] were made of."""
        pixels = images.movedim(-3, -1).numpy() * np.array(self.std) + np.array(self.mean)
        levels = (255 * pixels).round().clip(0, 255).astype(np.uint8)
        return levels[..., ::-1] if self.channel_order == "bgr" else levels

    def __call__(self, picture: Image.Image) -> Tensor:
        """One picture as Pillow opened it -> the network's input, float32 [C, H, W]: a transform for torch's data sets.

        EXIF orientation is applied. ``ValueError`` for pixels of an unknown range, such as floating-point ones.
        """
        check_range(picture)
        upright = convert_image(ImageOps.exif_transpose(picture), channels=self.channels)
        fitted = np.asarray(self.framing.fit(upright, size=self.image_size))
        return self.normalise(torch.from_numpy(fitted.copy().reshape(1, *fitted.shape[:2], -1)))[0]


def stated_channels(config: DataConfig) -> Literal[1, 3] | None:
    """The number of channels that settings state, or three values of mean; ``None`` where it is open."""
    return config.channels or (3 if config.mean is not None and len(config.mean) == 3 else None)


def assumptions(settings: PreprocessingSettings, shown: Preprocessing) -> tuple[str, ...]:
    """A note on what is assumed of the preprocessing of given weights; none where settings state all."""
    framed = any(getattr(settings, name) is not None for name in FRAMING)
    assumed = [] if settings.mean is not None else [shown.preparation.in_words()]
    assumed += [] if framed else [shown.resize]
    if not assumed:
        return ()
    return (
        f"preprocessing of the given weights assumed: {'; '.join(assumed)}. If they were trained otherwise, give "
        "--mean and --std, --resize or --crop, or --preprocessing",
    )


def preprocess(settings: PreprocessingSettings, default: Preprocessing) -> Preprocessing:
    """The preprocessing that settings state; what they leave open is as in ``default``.

    UsageError if what they state does not fit the images' size or channels.
    """
    size = settings.image_size or default.image_size
    framing = default.framing
    if settings.resize is not None or settings.crop is not None:
        framing = Framing(settings.resize, settings.crop, framing.interpolation)
    if settings.interpolation is not None:
        framing = Framing(framing.resize, framing.crop, settings.interpolation)
    if framing.resized(size) < size:
        raise UsageError(
            f"expected --resize of at least the {size} pixels that are cropped, got {framing.resized(size)}; try "
            "another --image-size"
        )
    stated = settings.preparation()
    try:
        prepared = (stated or default.preparation).for_channels(default.channels)
    except ExportError as error:
        raise UsageError(f"--mean and --std: {error}; try --channels 3, or one value") from None
    return Preprocessing(
        image_size=size,
        channels=default.channels,
        mean=prepared.mean or (),
        std=prepared.std or (),
        framing=framing,
        channel_order=(settings.channel_order or default.channel_order) if default.channels == 3 else "rgb",
        decoding=default.decoding,
    )
