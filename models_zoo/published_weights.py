"""Names in published weight files -> the names in today's networks of torchvision, as its own loaders do it."""

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

_RENAMED = (
    # DenseNet: "norm.1" became "norm1" when dots in names of layers were forbidden.
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\."), r"\1\2."),
    # ViT: the layers of the MLP lost their names.
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
)
_AUXILIARY_HEADS = ("aux1.", "aux2.", "AuxLogits.")
_COUNTER = ".num_batches_tracked"


def with_names_of_today(state: Mapping[str, Tensor], wanted: Collection[str]) -> dict[str, Tensor]:
    """A file's state dict under the names of today, for a network whose tensors have the names ``wanted``.

    The auxiliary heads of GoogLeNet and Inception are left out: networks here have none. BatchNorm's counters, which
    files older than torch 0.4.1 lack, start at 0. A wanted name is never changed.
    """
    renamed = {name if name in wanted else _renamed(name): tensor for name, tensor in state.items()}
    kept = {name: tensor for name, tensor in renamed.items() if name in wanted or not name.startswith(_AUXILIARY_HEADS)}
    for name in wanted:
        counted = name.removesuffix(_COUNTER) + ".running_mean"
        if name.endswith(_COUNTER) and name not in kept and counted in kept:
            kept[name] = torch.tensor(0)
    return kept


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMED:
        name = pattern.sub(replacement, name)
    return name
