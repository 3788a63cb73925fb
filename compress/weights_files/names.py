"""Names of tensors that changed over the years -> the names that the network has."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_RENAMED = (
    # DenseNet: "norm.1" became "norm1" when dots in names of layers were forbidden.
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\."), r"\1\2."),
    # ViT: the layers of the MLP lost their names.
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
    # BatchNorm and LayerNorm in files that were converted from TensorFlow.
    (re.compile(r"LayerNorm\.gamma$"), "LayerNorm.weight"),
    (re.compile(r"LayerNorm\.beta$"), "LayerNorm.bias"),
)
_NORMALISED = (
    # torch.nn.utils.weight_norm and spectral_norm -> those of torch.nn.utils.parametrizations.
    ("{}_g", "parametrizations.{}.original0"),
    ("{}_v", "parametrizations.{}.original1"),
    ("{}_orig", "parametrizations.{}.original"),
    ("{}_u", "parametrizations.{}.0._u"),
    ("{}_v", "parametrizations.{}.0._v"),
)
_AUXILIARY_HEADS = ("aux1.", "aux2.", "AuxLogits.")
_COUNTER = ".num_batches_tracked"


def with_names_of_today(state: Mapping[str, Tensor], wanted: Mapping[str, Any]) -> dict[str, Tensor]:
    """A file's state dict under the names that the network has today, as torch's and torchvision's own loaders do it.

    The auxiliary heads of GoogLeNet and Inception are left out: networks here have none. BatchNorm's counters, which
    files older than torch 0.4.1 lack, start at 0. A second name of a tied tensor, which safetensors leaves out, gets
    the first one's tensor. A name in ``wanted``, the network's state dict, is never changed.
    """
    renamed = {name if name in wanted else _renamed(name, wanted): tensor for name, tensor in state.items()}
    kept = {name: tensor for name, tensor in renamed.items() if name in wanted or not name.startswith(_AUXILIARY_HEADS)}
    for name in wanted:
        counted = name.removesuffix(_COUNTER) + ".running_mean"
        if name.endswith(_COUNTER) and name not in kept and counted in kept:
            kept[name] = torch.tensor(0)
    where = {name: place for name, tensor in wanted.items() if (place := _place_in_memory(tensor))}
    tied = {place: name for name, place in where.items() if name in kept}
    for name, place in where.items():
        if name not in kept and place in tied:
            kept[name] = kept[tied[place]]
    return kept


def _renamed(name: str, wanted: Mapping[str, Any]) -> str:
    for pattern, replacement in _RENAMED:
        name = pattern.sub(replacement, name)
    if name in wanted:
        return name
    return next((other for other in _other_spellings(name) if other in wanted), name)


def _other_spellings(name: str) -> list[str]:
    """Names of a normalised layer's tensor in the old and the new implementation of torch."""
    spellings = []
    for old, new in _NORMALISED:
        for given, other in ((old, new), (new, old)):
            pattern = r"(.*?)" + re.escape(given).replace(r"\{\}", r"(\w+)")
            if match := re.fullmatch(pattern, name):
                spellings.append(match[1] + other.format(match[2]))
    return spellings


def _place_in_memory(tensor: Any) -> tuple[Any, ...] | None:
    """Equal for tensors of a network that are tied."""
    if not isinstance(tensor, Tensor) or tensor.is_meta or not tensor.numel():
        return None
    return tensor.data_ptr(), tensor.shape, tensor.stride()
