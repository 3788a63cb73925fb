"""What presets decide, and other defaults that settings share."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from compress.settings.fields import in_words

Preset = Literal["default", "paper"]

PRESETS: Final[Mapping[Preset, Mapping[str, Any]]] = {
    "default": {
        "augment": "default",
        "distill": True,
        "baseline_epochs": 8,
        "search_epochs": 4,
        "finetune_epochs": 10,
        "batch_size": 64,
    },
    "paper": {
        "augment": "paper",
        "distill": False,
        "baseline_epochs": 20,
        "search_epochs": 80,
        "finetune_epochs": 100,
        "batch_size": 128,
    },
}
"""Settings that a preset decides where the user leaves them open.

The paper stops the search at epoch 100 and trains 200 in all, from a fresh network. Here the first 20 of them train
the whole network: see the method's card. SqueezeNet learned the bundled images faster with 64 images in a mini-batch:
0.5 points more after 22 epochs.
"""

OPSETS: Final = (18, 25)
"""First and last ONNX operator set that files can be written in."""

KEEP_MACS: Final = 0.5
"""Fraction of the MACs to keep where no budget is given."""


def default_by_preset(name: str) -> str:
    """The default of a setting that the preset decides, in words: ``64; paper: 128``."""
    plain, paper = (in_words(PRESETS[preset][name]) for preset in PRESETS)
    return f"{plain}; paper: {paper}"
