"""Tiny data sets in the formats they are published in, of images that a network learns in a few steps.

Written from the formats' descriptions: IDX, pickles as Python 2's cPickle wrote CIFAR's, ``.mat`` files, folders.
"""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from tests.data.files import write_idx

WORDNET_IDS = ("n01440764", "n02102040", "n03028079")
"""Tench, English springer, church: three of the ten that torchvision knows by name."""

LEVELS = {"dark": 40, "middling": 128, "bright": 215, "black": 0}
"""Classes of an image folder, and the mean grey of their images."""


def noise(labels: Sequence[int], *shape: int, classes: int, seed: int = 0) -> np.ndarray:
    """Images uint8 [N, *shape], the brighter the higher the label."""
    random = np.random.default_rng(seed)
    levels = 20 + 215 * np.asarray(labels) / max(classes - 1, 1)
    pixels = random.normal(levels.reshape(-1, *[1] * len(shape)), 8, (len(labels), *shape))
    return pixels.clip(0, 255).astype(np.uint8)


def stripes(labels: Sequence[int], side: int, *, seed: int = 0) -> np.ndarray:
    """Grey images uint8 [N, side, side] for ten classes: five widths of stripes, lying and standing."""
    random = np.random.default_rng(seed)
    kinds = np.asarray(labels)
    on = np.arange(side)[None] // (2 + kinds // 2 * 2)[:, None] % 2
    lying = np.broadcast_to(on[:, :, None], (len(kinds), side, side))
    pattern = np.where((kinds % 2 == 0)[:, None, None], lying, lying.transpose(0, 2, 1))
    return (40 + 180 * pattern + random.normal(0, 8, pattern.shape)).clip(0, 255).astype(np.uint8)


def turns(count: int, classes: int) -> list[int]:
    """Labels 0, 1, ..., 0, 1, ...: ``count`` of them."""
    return [index % classes for index in range(count)]


def write_kuzushiji(folder: Path, *, train: int = 400, test: int = 50, zipped: bool = True) -> Path:
    """The four idx files of 28 x 28 pixels, 10 classes."""
    for seed, (split, count) in enumerate((("train", train), ("t10k", test))):
        labels = turns(count, 10)
        images = stripes(labels, 28, seed=seed)
        for name, array in (("images-idx3", images), ("labels-idx1", np.array(labels))):
            write_idx(folder, f"{split}-{name}-ubyte", array, zipped=zipped)
    return folder


def write_cifar10(folder: Path, *, per_batch: int = 30, test: int = 30, classes: int = 3) -> Path:
    """Five training batches and one test batch, and the names of the classes."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for seed, name in enumerate(names):
        labels = turns(test if name == "test_batch" else per_batch, classes)
        batch = {"batch_label": name, "labels": labels, "data": _planes(labels, classes, seed), "filenames": ["x.png"]}
        (folder / name).write_bytes(python2_pickle(batch))
    meta = {"num_cases_per_batch": per_batch, "label_names": [f"kind {number}" for number in range(classes)]}
    (folder / "batches.meta").write_bytes(python2_pickle(meta))
    return folder


def write_cifar100(folder: Path, *, train: int = 150, test: int = 30, classes: int = 3) -> Path:
    """A training and a test batch with fine and coarse labels, and the names of both."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, count) in enumerate((("train", train), ("test", test))):
        labels = turns(count, classes)
        batch = {"fine_labels": labels, "coarse_labels": [0] * count, "data": _planes(labels, classes, seed)}
        (folder / name).write_bytes(python2_pickle(batch))
    names = {"fine_label_names": [f"fine {number}" for number in range(classes)], "coarse_label_names": ["coarse"]}
    (folder / "meta").write_bytes(python2_pickle(names))
    return folder


def write_flowers(folder: Path, *, train: int = 90, val: int = 30, test: int = 30, classes: int = 3) -> Path:
    """``jpg/image_00001.jpg`` and so on, their labels from 1, and the numbers of the images of each split."""
    (folder / "jpg").mkdir(parents=True)
    labels = [label for count in (train, val, test) for label in turns(count, classes)]
    for number, pixels in enumerate(noise(labels, 30, 36, 3, classes=classes), 1):
        Image.fromarray(pixels).save(folder / "jpg" / f"image_{number:05d}.jpg")
    ids = np.arange(1, len(labels) + 1, dtype=np.uint16)
    splits = {"trnid": ids[:train], "valid": ids[train : train + val], "tstid": ids[train + val :]}
    savemat(folder / "imagelabels.mat", {"labels": np.array(labels, np.uint8)[None] + 1}, do_compression=True)
    savemat(folder / "setid.mat", {name: part[None] for name, part in splits.items()}, do_compression=True)
    return folder


def write_imagenet(
    folder: Path, *, train: int = 30, val: int = 10, ids: Sequence[str] = WORDNET_IDS, side: int = 36
) -> Path:
    """``train/`` and ``val/``, in each a folder of JPEG images for every WordNet id."""
    for label, one in enumerate(ids):
        whole = noise([label] * (train + val), side, side + 4, 3, classes=len(ids))
        for split in ("train", "val"):
            (folder / split / one).mkdir(parents=True)
            for index, pixels in enumerate(whole[:train] if split == "train" else whole[train:]):
                Image.fromarray(pixels).save(folder / split / one / f"{one}_{index}.JPEG")
    return folder


def write_image_folder(root: Path, *, train: int, test: int, size: int = 16, classes: int = 3) -> Path:
    """``train`` and ``test`` grey PNG images in each of up to four classes of noise, ``size`` pixels square."""
    random = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for name, level in list(LEVELS.items())[:classes]:
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = np.clip(random.normal(level, 20, (size, size)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return root


def write_food(folder: Path, *, train: int = 6, test: int = 2, classes: Sequence[str] = ("apple_pie", "sushi")) -> Path:
    """``images/`` and the lists in ``meta/``."""
    lists: dict[str, dict[str, list[str]]] = {"train": {}, "test": {}}
    for label, name in enumerate(classes):
        (folder / "images" / name).mkdir(parents=True)
        places = [f"{name}/{1000 + index}" for index in range(train + test)]
        for place, pixels in zip(places, noise([label] * len(places), 30, 30, 3, classes=len(classes)), strict=True):
            Image.fromarray(pixels).save(folder / "images" / f"{place}.jpg")
        lists["train"][name], lists["test"][name] = places[:train], places[train:]
    (folder / "meta").mkdir()
    for split, listed in lists.items():
        (folder / "meta" / f"{split}.json").write_text(json.dumps(listed))
    return folder


def write_devkit(folder: Path, names: dict[str, str]) -> Path:
    """ImageNet's ``meta.mat``: one struct a synset, inner nodes of the tree after the classes."""
    fields = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "O")]
    rows = [(number, one, words, "a gloss", 0) for number, (one, words) in enumerate(names.items(), 1)]
    rows.append((len(rows) + 1, "n00001740", "entity", "that which exists", len(rows)))
    path = folder / "ILSVRC2012_devkit_t12" / "data" / "meta.mat"
    path.parent.mkdir(parents=True)
    savemat(path, {"synsets": np.array(rows, fields)[:, None]})
    return path


def python2_pickle(value: dict[str, object]) -> bytes:
    """A dict as Python 2's cPickle wrote it with protocol 2: byte strings, and arrays by numpy's old names."""
    return b"\x80\x02" + _pickled(value) + b"."


def _pickled(value: object) -> bytes:
    if isinstance(value, dict):
        return b"}(" + b"".join(_pickled(part) for pair in value.items() for part in pair) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_pickled, value)) + b"e"
    if isinstance(value, str):
        return b"U" + bytes([len(value)]) + value.encode("latin1")
    if isinstance(value, int):
        return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)
    assert isinstance(value, np.ndarray)
    assert value.dtype == np.uint8
    raw = value.tobytes()
    made = b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + b"U\x01b" + b"\x87R"
    kind = b"cnumpy\ndtype\n" + b"U\x02u1K\x00K\x01\x87R" + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"".join(map(_pickled, value.shape)) + b"\x86"
    return made + b"(K\x01" + shape + kind + b"\x89" + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"


def _planes(labels: Sequence[int], classes: int, seed: int) -> np.ndarray:
    """uint8 [N, 3072]: red, green and blue plane of each image."""
    return noise(labels, 3072, classes=classes, seed=seed)
