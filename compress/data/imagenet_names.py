"""Human names of ImageNet's classes, from what lies beside the images or from torchvision's list.

Folders are called by WordNet ids. Four files are known that tell what they mean: the devkit's ``meta.mat``,
torchvision's ``meta.bin`` made of it, Keras's class index (JSON) and Kaggle's list of synsets (text).
"""

import json
import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from compress.data.matlab import read_mat
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision

Names = dict[str, str]
"""WordNet id -> synonyms, separated by commas."""

_TEN_KNOWN: dict[str, tuple[str, ...]] = torchvision.datasets.Imagenette._WNID_TO_CLASS


def class_names(folder: Path, ids: Sequence[str]) -> tuple[str, ...]:
    """A name for each class, no two alike.

    Args:
        folder: with the images and perhaps a file of names.
        ids: WordNet ids, sorted.

    Returns:
        The first synonym; with the id where two classes share it ("crane", bird and machine); the id alone
        where nothing tells what it means.

    Raises:
        BadInputError: a file of names is damaged.
    """
    names = _names_beside(folder) or _names_of_torchvision(ids)
    short = [names.get(one, one).split(",")[0].strip() or one for one in ids]
    counts = Counter(short)
    return tuple(name if counts[name] == 1 else f"{name} ({one})" for name, one in zip(short, ids, strict=True))


def _names_beside(folder: Path) -> Names:
    for place, read in _READERS.items():
        path = folder / place
        if not path.is_file():
            continue
        try:
            names = read(path)
        except OSError as error:
            raise BadInputError(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, TypeError, LookupError, RuntimeError, RecursionError, pickle.UnpicklingError) as error:
            raise BadInputError(f"{path} is no list of class names ({error}); try to mend or remove it") from None
        return names
    return {}


def _names_of_torchvision(ids: Sequence[str]) -> Names:
    """Its thousand names are in the order of the ids, but without them; ten are known to check the order by."""
    known = {one: ", ".join(synonyms) for one, synonyms in _TEN_KNOWN.items()}
    categories: list[str] = torchvision.models._meta._IMAGENET_CATEGORIES
    if len(ids) == len(categories):
        names = dict(zip(ids, categories, strict=True))
        if all(names.get(one) == synonyms[0] for one, synonyms in _TEN_KNOWN.items()):
            return names
    return known


def _from_devkit(path: Path) -> Names:
    synsets = read_mat(path, ["synsets"])["synsets"]
    return {str(one): str(words) for one, words in zip(synsets["WNID"], synsets["words"], strict=True)}


def _from_torchvision(path: Path) -> Names:
    names, _ = torch.load(path, weights_only=True)
    if not isinstance(names, dict):
        raise ValueError("expected WordNet id -> synonyms")
    return {str(one): ", ".join(synonyms) for one, synonyms in names.items()}


def _from_keras(path: Path) -> Names:
    index = json.loads(path.read_bytes())
    if not isinstance(index, dict):
        raise ValueError("expected label -> [WordNet id, name]")
    return {str(one): str(name).replace("_", " ") for one, name in index.values()}


def _from_kaggle(path: Path) -> Names:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line.strip())


_READERS: dict[str, Callable[[Path], Names]] = {
    "ILSVRC2012_devkit_t12/data/meta.mat": _from_devkit,
    "meta.mat": _from_devkit,
    "meta.bin": _from_torchvision,
    "imagenet_class_index.json": _from_keras,
    "LOC_synset_mapping.txt": _from_kaggle,
}
