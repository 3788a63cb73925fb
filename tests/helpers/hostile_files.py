"""Files from elsewhere that ask for memory, time or trust, of every kind that ``compress run`` reads."""

import gzip
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.helpers.datasets import write_cifar10, write_food, write_kuzushiji
from tests.helpers.hostile_images import HOSTILE_IMAGES
from tests.helpers.hostile_weights import HOSTILE_WEIGHTS, named, text


class Hostile(NamedTuple):
    """A file or folder: ``make`` writes it into a folder and gives its path; ``kind`` is a key of ``FLAGS``."""

    name: str
    make: Callable[[Path], Path]
    kind: str


FLAGS = {
    "weights": ("--weights",),
    "plan": ("--method", "scratch", "--plan"),
    "config": ("--config",),
    "preprocessing": ("--preprocessing",),
    "images": ("--dataset",),
    "kuzushiji": ("--dataset", "kuzushiji", "--data-dir"),
    "cifar10": ("--dataset", "cifar10", "--data-dir"),
    "food101": ("--dataset", "food101", "--data-dir"),
}
"""Kind -> the flags of ``compress run`` before its path."""

_FORMAT = "compress-pruning-plan/1"


def _file(name: str, content: bytes | str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return folder / name

    return write


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.json")
    return folder / "pipe.json"


def _link(target: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "link.json").symlink_to(target)
        return folder / "link.json"

    return write


def _sparse(folder: Path) -> Path:
    with (folder / "large.json").open("wb") as file:
        file.truncate(2**36)
    return folder / "large.json"


ANY_KIND = {
    "a named pipe": _pipe,
    "an endless device": _link("/dev/zero"),
    "a terminal": _link("/dev/tty"),
    "a link to itself": _link("link.json"),
    "a link to nothing": _link("nothing"),
    "a file of the kernel": _link("/proc/self/mem"),
    "a folder": lambda folder: folder,
    "a file of 64 GiB": _sparse,
    "no bytes": _file("empty.json", b""),
    "a byte order mark alone": _file("mark.json", b"\xef\xbb\xbf"),
    "bytes that are no text": _file("bytes.json", bytes(range(256)) * 10),
}
"""Wrong for each kind of single files."""

_TEXTS = {
    "deep lists": "[" * 200_000,
    "deep objects": '{"a":' * 200_000,
    "a number of 5,000 digits": '{"format": ' + "9" * 5000 + "}",
    "infinity": '{"input_size": [3, 224, 224], "mean": Infinity}',
    "1e999": '{"input_size": [3, 224, 224], "crop_pct": 1e999}',
    "half a character": '{"input_size": [3, 224, 224], "interpolation": "\\ud800"}',
    "an escape": '{"input_size": [3, 224, 224], "interpolation": "\\u001b[31m"}',
    "JSON in UTF-16": json.dumps({"format": "\u00e9"}).encode("utf-16"),
    "Latin-1": b'{"\xe9": 1}',
    "a number": "1",
    "null": "null",
    "a list": "[1]",
}


def _plan(**layers: object) -> str:
    return json.dumps({"format": _FORMAT, "layers": layers})


_PLANS = {
    "a width of 1e10": _plan(stem={"width": 1e10, "kept": [0]}),
    "a width of 10^12": _plan(stem={"width": 10**12, "kept": [0]}),
    "no width": _plan(stem={"kept": [0]}),
    "text for channels": _plan(stem={"width": 4, "kept": "0123"}),
    "true for a channel": _plan(stem={"width": 4, "kept": [True]}),
    "a layer twice": _plan(a={}, b={}).replace('"b"', '"a"'),
    "a layer with an escape": _plan(**{"\x1b]0;owned\x07": {"width": 4, "kept": [0]}}),
    "a layer's name of a megabyte": _plan(**{"x" * 2**20: {"width": 4, "kept": [0]}}),
    "half a character for a layer": _plan(**{"\ud800": {"width": 4, "kept": [0]}}),
    "layers that are a list": json.dumps({"format": _FORMAT, "layers": []}),
    "no layers": _plan(),
    "a format of a megabyte": json.dumps({"format": "x" * 2**20}),
}

_CONFIGS = {
    "dots": "a." * 30_000 + "a = 1",
    "deep lists": "x = " + "[" * 50_000,
    "a huge number": "epochs = 0x" + "f" * 9000,
    "a huge number in a list": "mean = [0x" + "f" * 9000 + "]",
    "infinity": "lr = inf",
    "no number": "lr = nan",
    "many epochs": "epochs = 9223372036854775807",
    "many workers": "workers = 9223372036854775807",
    "a date": "epochs = 1979-05-27",
    "an escape in a key": '"\\u001b]0;owned\\u0007" = 1',
    "an escape in a name": 'arch = "\\u001b[31m"',
    "NUL in a path": 'weights = "a\\u0000b"',
    "a path of 5,000 characters": f'weights = "{"a/" * 2500}"',
    "NUL in a folder": 'dataset = "./a\\u0000b"',
    "a folder of 5,000 characters": f'dataset = "./{"a" * 5000}"',
    "a device": 'device = "meta"',
    "a list for a path": "preprocessing = []",
    "Latin-1": b'arch = "\xe9"',
    "UTF-16": 'arch = "squeezenet"'.encode("utf-16"),
    "code": 'model = "os:system"',
}


def _changed(write: Callable[[Path], Path], place: str, content: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """A good data set, one of whose files is changed."""

    def make(folder: Path) -> Path:
        root = write(folder / "set")
        (root / place).write_bytes(content((root / place).read_bytes()))
        return root

    return make


def _kuzushiji(folder: Path) -> Path:
    return write_kuzushiji(folder, train=20, test=10)


def _header(*shape: int) -> bytes:
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)


_IMAGES_GZ, _BATCH = "train-images-idx3-ubyte.gz", "data_batch_1"
_COPIES = b"\x80\x02}" + text("data") + b"](" + named("_codecs", "encode") + b"q\0" + text("x" * 500_000)
_COPIES += text("latin1") + b"\x86q\x01" + b"h\0h\x01R" * 20_000 + b"es."

_DATA = {
    "kuzushiji": (
        ("two GiB of zeros in gzip", _IMAGES_GZ, lambda _: gzip.compress(_header(2000, 1024, 1000) + bytes(10**8))),
        ("a header of 2^96 bytes", _IMAGES_GZ, lambda _: gzip.compress(_header(*(2**32 - 1,) * 3))),
        ("no images of any size", _IMAGES_GZ, lambda _: gzip.compress(_header(0, 2**32 - 1, 2**32 - 1))),
        ("images of no size", _IMAGES_GZ, lambda _: gzip.compress(_header(20, 0, 28))),
        ("gzip that never ends", _IMAGES_GZ, lambda data: data * 1000),
        ("labels that are none", "train-labels-idx1-ubyte.gz", lambda _: gzip.compress(_header(20) + b"\xff" * 20)),
    ),
    "cifar10": (
        ("a text copied 20,000 times", _BATCH, lambda _: _COPIES),
        ("a call of a function", _BATCH, lambda _: b"\x80\x02cos\ngetcwd\n)R."),
        ("tuples in tuples", _BATCH, lambda _: b"\x80\x02)" + b"\x85" * 100_000 + b"}."),
        ("a memo of 2^31 places", _BATCH, lambda _: b"\x80\x02]r\xff\xff\xff\x7f."),
        ("an array of objects", _BATCH, lambda _: np.array([{}], dtype=object).dumps()),
    ),
    "food101": (
        ("deep lists", "meta/train.json", lambda _: b"[" * 200_000),
        ("places outside", "meta/train.json", lambda _: json.dumps({"a": ["../../etc"], "b": ["b/1"]}).encode()),
        ("a class twice", "meta/train.json", lambda _: b'{"a": ["a/1"], "a": ["a/2"], "b": ["b/1"]}'),
    ),
}  # fmt: skip
_WRITERS = {"kuzushiji": _kuzushiji, "cifar10": write_cifar10, "food101": write_food}

HOSTILE: list[Hostile] = [
    *(Hostile(name, make, "weights") for name, make in HOSTILE_WEIGHTS.items()),
    *(Hostile(name, make, "images") for name, make in HOSTILE_IMAGES.items()),
    *(Hostile(name, make, kind) for kind in list(FLAGS)[:5] for name, make in ANY_KIND.items()),
    *(Hostile(name, _file("a.json", content), "plan") for name, content in _TEXTS.items()),
    *(Hostile(name, _file("a.json", content), "preprocessing") for name, content in _TEXTS.items()),
    *(Hostile(name, _file("plan.json", content), "plan") for name, content in _PLANS.items()),
    *(Hostile(name, _file("run.toml", content), "config") for name, content in _CONFIGS.items()),
    *(Hostile(name, _changed(_WRITERS[kind], place, content), kind) for kind, faults in _DATA.items()
      for name, place, content in faults),
]  # fmt: skip
"""All of them. Most are refused with exit code 2, 4 or 5; some are harmless and read (a link that leads back up)."""
