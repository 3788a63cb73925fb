"""Convert the images of a data set to a file's own normalisation, type, layout and channels.

Axes: B images of a batch, C channels, H height, W width.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np

from exporters.errors import ExportError
from exporters.read.signature import Signature


@dataclass(frozen=True)
class Preparation:
    """How 8-bit pixels are normalised: ``(pixel / 255 - mean) / std`` per channel, or not at all where ``None``."""

    mean: tuple[float, ...] | None  # in the order in which the network takes the channels
    std: tuple[float, ...] | None
    bgr: bool = False  # blue comes first

    def __post_init__(self) -> None:
        if self.mean is None and self.std is None:
            return
        mean, std = np.array(self.mean or (), float), np.array(self.std or (), float)
        in_range = ((mean >= 0) & (mean <= 1)).all() and ((std > 0) & (std <= 1)).all()
        if not mean.size or mean.size != std.size or not in_range:
            raise ExportError(
                "expected as many means (0 to 1) as stds (above 0, to 1), of pixels scaled to [0, 1], "
                f"got {self.mean} and {self.std}; try values of 8-bit pixels divided by 255"
            )

    def for_channels(self, channels: int) -> "Preparation":
        """The same with a value for each channel; a single value is repeated."""
        if self.mean is None or self.std is None or len(self.mean) == channels:
            return self
        if len(self.mean) != 1:
            raise ExportError(
                f"expected {channels} values of mean and std or one for all, got {len(self.mean)}: {self.mean}"
            )
        return Preparation(self.mean * channels, self.std * channels, self.bgr)

    def in_words(self) -> str:
        """A description for reports."""
        if self.mean is None or self.std is None:
            return "8-bit pixels as they are, 0 to 255"
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        order = "in the order blue, green, red: " if self.bgr else ""
        return f"{order}pixels / 255, less the mean ({mean}), divided by the std ({std})"


RAW_PIXELS = Preparation(None, None)


@dataclass(frozen=True)
class Conversion:
    """From batches as a data set gives them to batches as a file takes them.

    Where both normalise alike, images stay the same bit for bit. All others are converted back to the exact
    8-bit pixels they came from, then normalised as the file wants. ``data`` is never ``RAW_PIXELS``.
    """

    data: Preparation
    file: Preparation
    signature: Signature

    def convert(self, images_BCHW: np.ndarray) -> np.ndarray:
        """Images [B, C, H, W] or [B, H, W, C] as the file takes them, from normalised float32 [B, C, H, W].

        A file that takes RGB gets the channel of grey images repeated; RGB for one that takes grey is an ExportError.
        """
        channels = images_BCHW.shape[1]
        if channels not in (1, self.signature.channels):
            raise ExportError(
                f"expected images of {self.signature.channels} channel as the file takes them, got {channels}: "
                "dropping colours would change the task; try a file that takes RGB, or a data set of grey images"
            )
        if channels != self.signature.channels or self.data != self.file or self.signature.dtype == "uint8":
            images_BCHW = self._convert_pixels(images_BCHW)
        shown = images_BCHW if self.signature.layout == "NCHW" else images_BCHW.transpose(0, 2, 3, 1)
        return np.ascontiguousarray(shown, dtype=self.signature.dtype)

    def _convert_pixels(self, images_BCHW: np.ndarray) -> np.ndarray:
        """Float32 [B, file's C, H, W] as the file normalises them, from the 8-bit pixels the images were made of."""
        mean, std = _per_channel(self.data)
        pixels = np.rint(255 * (images_BCHW * std + mean)).clip(0, 255)
        if self.data.bgr != self.file.bgr:
            pixels = pixels[:, ::-1]
        pixels = np.repeat(pixels, self.signature.channels // pixels.shape[1], axis=1)
        if self.file.mean is None:
            return pixels
        mean, std = _per_channel(self.file)
        return cast("np.ndarray", (pixels / np.float32(255) - mean) / std)


def _per_channel(preparation: Preparation) -> tuple[np.ndarray, np.ndarray]:
    mean, std = (np.array(values, np.float32).reshape(1, -1, 1, 1) for values in (preparation.mean, preparation.std))
    return mean, std
