"""Oxford 102 Flowers (Nilsback and Zisserman, ICVGIP 2008): photographs, their labels and splits in ``.mat`` files."""

from pathlib import Path

from compress.data.bundle import DataBundle
from compress.data.folder import FolderOptions, bundle_of_files
from compress.data.matlab import read_mat, whole_numbers
from compress.data.published import Download, Published
from compress.data.scan import LabelledPath
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision

_FLOWERS = torchvision.datasets.Flowers102
_IMAGES, _LABELS, _SPLITS = (_FLOWERS._file_dict[key] for key in ("image", "label", "setid"))

CLASSES = tuple(_FLOWERS.classes)
FLOWERS = Published(
    name="flowers",
    folders=("flowers-102",),
    needed=("jpg", _LABELS[0], _SPLITS[0]),
    sums=dict((_LABELS, _SPLITS)),
    downloads=tuple(
        Download(_FLOWERS._download_url_prefix + name, md5, into="flowers-102", unpack=name.endswith(".tgz"))
        for name, md5 in (_IMAGES, _LABELS, _SPLITS)
    ),
)


def load_flowers(folder: Path, options: FolderOptions, *, notes: tuple[str, ...] = ()) -> DataBundle:
    """The official splits: 10 images of each class train, 10 validate, the others are the test set.

    A subset in the same format will do; its classes are those that have images.

    Raises:
        BadInputError: the lists or images are unreadable or do not belong together.
    """
    labels = _labels(folder / _LABELS[0])
    ids = _FLOWERS._splits_map
    lists = read_mat(folder / _SPLITS[0], tuple(ids.values()))
    listed = {
        split: _files(folder, whole_numbers(lists[key], source=f"{folder / _SPLITS[0]} ({key})"), labels)
        for split, key in ids.items()
    }
    present = sorted({label for files in listed.values() for _, label in files})
    if len(present) < len(CLASSES):
        notes = (*notes, f"{len(present)} of the {len(CLASSES)} classes have images; the others are left out")
    place = {label: index for index, label in enumerate(present)}
    splits = {split: [(path, place[label]) for path, label in files] for split, files in listed.items()}
    classes = tuple(CLASSES[label] for label in present)
    return bundle_of_files(FLOWERS.name, classes, splits, options, root=folder, notes=notes)


def _labels(path: Path) -> list[int]:
    """The label of image 1, 2, ...: 0 to 101."""
    numbers = whole_numbers(read_mat(path, ["labels"])["labels"], source=str(path))
    if not numbers or min(numbers) < 1 or max(numbers) > len(CLASSES):
        raise BadInputError(f"expected labels of 1 to {len(CLASSES)} in {path}, got others")
    return [number - 1 for number in numbers]


def _files(folder: Path, numbers: list[int], labels: list[int]) -> list[LabelledPath]:
    strange = [number for number in numbers if not 1 <= number <= len(labels)]
    if strange:
        raise BadInputError(
            f"expected images 1 to {len(labels)} of {folder / _LABELS[0]} in {_SPLITS[0]}, got image {strange[0]}"
        )
    return [(folder / "jpg" / f"image_{number:05d}.jpg", labels[number - 1]) for number in numbers]
