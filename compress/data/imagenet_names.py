"""Human names of ImageNet's classes, from a list beside the images or from torchvision.

Folders are named by WordNet ids. Four lists are known: the devkit's ``meta.mat``, torchvision's ``meta.bin`` made
from it, Keras's class index (JSON) and Kaggle's list of synsets (text).
"""

import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from compress.data.formats import read_json, read_mat
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision

_Names = dict[str, str]
"""WordNet id -> synonyms, separated by commas."""

_TEN_KNOWN: dict[str, tuple[str, ...]] = torchvision.datasets.Imagenette._WNID_TO_CLASS


def class_names(folder: Path, ids: Sequence[str]) -> tuple[str, ...]:
    """A different name for each class.

    Args:
        folder: with the images and perhaps a list of names.
        ids: WordNet ids, sorted.

    Returns:
        the first synonym, followed by the id if two classes share it ("crane", bird and machine); the id alone if no
        list has it.

    Raises:
        BadInputError: a list is damaged.
    """
    names = _read_names(folder) or _names_of_torchvision(ids)
    short = [names.get(one, one).split(",")[0].strip() or one for one in ids]
    counts = Counter(short)
    return tuple(name if counts[name] == 1 else f"{name} ({one})" for name, one in zip(short, ids, strict=True))


def _read_names(folder: Path) -> _Names:
    for place, read in _READERS.items():
        path = folder / place
        if not path.is_file():
            continue
        try:
            return read(path)
        except OSError as error:
            raise BadInputError(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, pickle.UnpicklingError) as error:
            raise BadInputError(f"{path} is not a list of class names ({error}); try to mend or remove it") from None
    return {}


def _names_of_torchvision(ids: Sequence[str]) -> _Names:
    """Torchvision's thousand names have no ids but the order of the sorted ids; ten known ids confirm that order."""
    categories: list[str] = torchvision.models._meta._IMAGENET_CATEGORIES
    if len(ids) == len(categories):
        names = dict(zip(ids, categories, strict=True))
        if all(names.get(one) == synonyms[0] for one, synonyms in _TEN_KNOWN.items()):
            return names
    return {one: ", ".join(synonyms) for one, synonyms in _TEN_KNOWN.items()}


def _from_devkit(path: Path) -> _Names:
    synsets = read_mat(path, ["synsets"])["synsets"]
    return {str(one): str(words) for one, words in zip(synsets["WNID"], synsets["words"], strict=True)}


def _from_torchvision(path: Path) -> _Names:
    names, _ = torch.load(path, weights_only=True)
    return {str(one): ", ".join(synonyms) for one, synonyms in names.items()}


def _from_keras(path: Path) -> _Names:
    return {str(one): str(name).replace("_", " ") for one, name in read_json(path).values()}


def _from_kaggle(path: Path) -> _Names:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line.strip())


_READERS: dict[str, Callable[[Path], _Names]] = {
    "ILSVRC2012_devkit_t12/data/meta.mat": _from_devkit,
    "meta.mat": _from_devkit,
    "meta.bin": _from_torchvision,
    "imagenet_class_index.json": _from_keras,
    "LOC_synset_mapping.txt": _from_kaggle,
}
