"""Image folders with a file that asks for memory, time or trust: every writer makes one and gives its path."""

import io
import os
import shutil
import struct
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

from tests.helpers.datasets import write_image_folder

Writer = Callable[[Path], Path]


def png(width: int, height: int, *, colour: int = 0, bits: int = 8, pixels: bytes | None = None) -> bytes:
    """A PNG whose header says this size; ``colour`` 0 grey, 2 RGB, 6 RGBA; black unless ``pixels`` are given."""
    row = 1 + width * {0: 1, 2: 3, 6: 4}[colour] * bits // 8
    packer = zlib.compressobj(9)
    body = (
        packer.compress(pixels) if pixels is not None else b"".join(packer.compress(bytes(row)) for _ in range(height))
    )
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", body + packer.flush()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG with the last of its scans again and again."""
    stream = io.BytesIO()
    Image.new("L", (side, side), 7).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * scans + b"\xff\xd9"


def image_folder(root: Path) -> Path:
    """A good folder of three classes, 12 training and 4 test images each."""
    return write_image_folder(root / "photos", train=12, test=4, size=32)


def _with_file(name: str, content: bytes | Callable[[], bytes], *, count: int = 1) -> Writer:
    """A good folder with a file, or copies of it, among the training images of a class."""

    def write(folder: Path) -> Path:
        root, data = image_folder(folder), content() if callable(content) else content
        for number in range(count):
            (root / "train/dark" / f"{number}-{name}").write_bytes(data)
        return root

    return write


def _changed(change: Callable[[Path], object]) -> Writer:
    """A good folder after ``change`` of the folder of its training images."""

    def write(folder: Path) -> Path:
        root = image_folder(folder)
        change(root / "train")
        return root

    return write


def _rename_to_other_suffix(train: Path) -> None:
    for path in (train / "dark").glob("*.png"):
        path.rename(path.with_suffix(".heic"))


def _names_of_two_forms(train: Path) -> None:
    (train / "dark").rename(train / unicodedata.normalize("NFC", "dárk"))
    (train.parent / "test/dark").rename(train.parent / "test" / unicodedata.normalize("NFD", "dárk"))


def _large_text() -> bytes:
    """A PNG with a text that unpacks to 100 MB."""
    good, text = png(32, 32), b"Comment\0\0" + zlib.compress(bytes(10**8), 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    return good[:33] + chunk + good[33:]


HOSTILE_IMAGES: Mapping[str, Writer] = {
    "a named pipe": _changed(lambda train: os.mkfifo(train / "dark/pipe.png")),
    "a link to a device": _changed(lambda train: (train / "dark/zero.png").symlink_to("/dev/zero")),
    "a link to itself": _changed(lambda train: (train / "dark/self.png").symlink_to(train / "dark/self.png")),
    "a link to a file of the kernel": _changed(lambda train: (train / "dark/k.png").symlink_to("/proc/self/mem")),
    "a folder in itself": _changed(lambda train: (train / "dark/again").symlink_to(train)),
    "a folder called as an image": _changed(lambda train: (train / "dark/folder.png").mkdir()),
    "a link to nothing": _changed(lambda train: (train / "dark/gone.png").symlink_to(train / "gone")),
    "an empty class": _changed(lambda train: [path.unlink() for path in (train / "dark").iterdir()]),
    "a class of another format": _changed(_rename_to_other_suffix),
    "names in two forms of Unicode": _changed(_names_of_two_forms),
    "a class that is not in test": _changed(lambda train: shutil.copytree(train / "dark", train / "other")),
    "a class named with an escape": _changed(lambda train: (train / "dark").rename(train / "\x1b[31mred\x07")),
    "a class named in Latin-1": _changed(
        lambda train: (train / "dark").rename(os.fsdecode(os.fsencode(train) + b"/\xe9"))
    ),
    "an image named with an escape": _with_file("\x1b]0;owned\x07.png", b"no image"),
    "an image named with a line's end": _with_file("a\nb.png", b"no image"),
    "an empty image": _with_file("a.png", b""),
    "a web page": _with_file("a.jpg", b"<html><img src=x onerror=alert(1)></html>"),
    "PostScript": _with_file("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(id) run\n"),
    "images of 80 megapixels": _with_file("a.png", lambda: png(9000, 9000), count=6),
    "images of 80 megapixels with transparency": _with_file("a.png", lambda: png(9000, 9000, colour=6), count=4),
    "images of 16-bit colours": _with_file("a.png", lambda: png(6000, 6000, colour=6, bits=16), count=4),
    "an image of 4 gigapixels": _with_file("a.png", lambda: png(65_000, 65_000, pixels=b"")),
    "an image of 2^62 pixels": _with_file("a.png", lambda: png(2**31 - 1, 2**31 - 1, pixels=b"")),
    "an image of one row": _with_file("a.png", lambda: png(2**24, 1)),
    "an image with a huge text": _with_file("a.png", _large_text),
    "a JPEG of 20,000 scans": _with_file("a.jpg", lambda: jpeg_of_scans(2000, 20_000)),
    "a JPEG of 190 scans": _with_file("a.jpg", lambda: jpeg_of_scans(1000, 180)),
}
"""What is wrong -> its writer."""
