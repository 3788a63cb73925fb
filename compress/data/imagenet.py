"""ImageNet (Russakovsky et al., arXiv 1409.0575) and Imagenette: folders called by WordNet ids in train/ and val/."""

import os
import re
from pathlib import Path

from compress.data.bundle import DataBundle
from compress.data.folder import FolderOptions, bundle_of_files
from compress.data.imagenet_names import class_names
from compress.data.images import SUFFIXES
from compress.data.published import Download, Published
from compress.data.scan import LabelledPath
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision

_IMAGENETTE_URL, _IMAGENETTE_MD5 = torchvision.datasets.Imagenette._ARCHIVES["320px"]
_WORDNET_ID = re.compile(r"n\d{8}")

IMAGENET = Published(name="imagenet", folders=(), needed=("val",))
IMAGENETTE = Published(
    name="imagenette",
    folders=("imagenette2-320", "imagenette2", "imagenette2-160"),
    needed=("train", "val"),
    downloads=(Download(_IMAGENETTE_URL, _IMAGENETTE_MD5, unpack=True),),
)


def load_imagenet(
    published: Published, folder: Path, options: FolderOptions, *, test_only: bool = False, notes: tuple[str, ...] = ()
) -> DataBundle:
    """``val/`` is the test set, a tenth of ``train/`` validates; the classes are the folders' names, sorted.

    So a label is what it is in published weights where all thousand classes are there.

    Args:
        published: which of the two sets.
        folder: with train/ and val/.
        options: how the images are read.
        test_only: ``val/`` is enough; train and val then come out empty.
        notes: passed on.

    Raises:
        BadInputError: the folders are not as expected, or their images are bad.
    """
    wanted = {"test": "val"} if test_only and not (folder / "train").is_dir() else {"train": "train", "test": "val"}
    folders = {split: _class_folders(folder / place) for split, place in wanted.items()}
    ids = sorted(folders["test"])
    for found in folders.values():
        if sorted(found) != ids:
            odd = sorted(set(found) ^ set(ids))
            raise BadInputError(
                f"expected the same class folders in train/ and val/ of {folder}, got {len(odd)} in one of them "
                f"alone: {', '.join(odd[:5])}{', ...' if len(odd) > 5 else ''}"
            )
    splits = {split: _files(found, ids) for split, found in folders.items()}
    notes = (*notes, "val/ is the test set")
    return bundle_of_files(published.name, class_names(folder, ids), splits, options, root=folder, notes=notes)


def _class_folders(folder: Path) -> dict[str, Path]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise BadInputError(f"expected class folders in {folder}: {error.strerror}; see --data-dir") from None
    found = {entry.name: entry for entry in entries if _WORDNET_ID.fullmatch(entry.name) and entry.is_dir()}
    if len(found) < 2:
        loose = len(_images(folder))
        raise BadInputError(
            f"expected two or more folders called by WordNet ids (n01440764) in {folder}, got {len(found)}"
            + (f" and {loose} images without a class; try torchvision.datasets.ImageNet to sort them" if loose else "")
        )
    return found


def _files(folders: dict[str, Path], ids: list[str]) -> list[LabelledPath]:
    return [
        (folders[wordnet_id] / name, label)
        for label, wordnet_id in enumerate(ids)
        for name in _images(folders[wordnet_id])
    ]


def _images(folder: Path) -> list[str]:
    """Names of the images in one folder; names, for a million of paths take long to sort."""
    names = sorted(os.listdir(folder))
    return [name for name in names if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")]
