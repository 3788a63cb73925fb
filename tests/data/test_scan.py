import hashlib
import os
import shutil
import socket

import numpy as np
import pytest
from PIL import Image

from compress.data.layout import list_folder
from compress.data.scan import Scan, scan_files
from compress.errors import BadInputError
from tests.data.files import write_folder


def scan_folder(root, *, skip_bad=0) -> Scan:
    listing = list_folder(root)
    return scan_files(listing.splits, classes=listing.classes, skip_bad=skip_bad, root=root)


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "pets", splits={"train": 4, "test": 2})


def test_what_is_read_of_a_file(root):
    file = scan_folder(root).splits["train"][0]
    assert file.path == root / "train/cat/000.png"
    assert (file.label, file.shorter_side, file.grey) == (0, 36, False)
    assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()


def test_every_bad_file_is_named_or_left_out_with_a_note(root):
    (root / "train/cat/000.png").write_bytes((root / "train/cat/000.png").read_bytes()[:60])
    (root / "test/dog/001.jpg").write_bytes(b"")
    (root / "train/dog/gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(BadInputError, match="expected at most 0 bad images") as error:
        scan_folder(root)
    message = str(error.value)
    assert "got 3 of 13" in message
    for name in ("train/cat/000.png: ", "test/dog/001.jpg: not an image", "train/dog/gone.png: No such file"):
        assert name in message
    with pytest.raises(BadInputError, match="at most 2"):
        scan_folder(root, skip_bad=2)
    scan = scan_folder(root, skip_bad=3)
    assert [len(files) for files in scan.splits.values()] == [7, 3]
    assert scan.notes[2] == f"skipped {root}/test/dog/001.jpg: not an image"


def test_pipes_devices_and_endless_links_are_named_and_never_opened(root):
    os.mkfifo(root / "train/cat/pipe.png")  # whoever opens it waits for a writer
    (root / "train/cat/zero.png").symlink_to("/dev/zero")
    (root / "train/cat/self.png").symlink_to(root / "train/cat/self.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(root / "test/dog/socket.png"))
        notes = scan_folder(root, skip_bad=4).notes
    assert [note.rpartition("/")[2] for note in notes] == [
        "pipe.png: not a regular file",
        "self.png: Too many levels of symbolic links",
        "zero.png: not a regular file",
        "socket.png: not a regular file",
    ]


def test_classes_with_too_few_images_are_named_also_if_skipping_emptied_them(root):
    for place in ("train/cat", "train/dog", "test/dog"):
        for path in sorted((root / place).iterdir())[place == "train/dog" :]:
            path.unlink()
    for path in (root / "test/cat").iterdir():
        path.write_bytes(b"no")
    with pytest.raises(BadInputError, match=r"(?s)train/cat: 0.*train/dog: 1.*test/cat: 0.*test/dog: 0"):
        scan_folder(root, skip_bad=2)


def test_suspicious_files_are_noted(root):
    for number, highest in enumerate((4095, 4000, 4096, 65_535)):
        pixels = np.full((40, 40), 100, np.uint16)
        pixels[7, 9] = highest
        Image.fromarray(pixels).save(root / f"train/cat/{number}.{('png', 'tif')[number % 2]}")
    clear = Image.new("RGBA", (40, 40), (9, 9, 9, 255))
    clear.save(root / "train/cat/opaque.png")
    clear.putpixel((3, 4), (9, 9, 9, 254))
    clear.save(root / "train/cat/clear.png")
    clear.save(root / "test/dog/clear.webp", lossless=True)
    shutil.copy(root / "train/cat/000.png", root / "test/cat/copy.png")
    assert scan_folder(root).notes == (
        "2 16-bit images use at most a sixteenth of their range and are read as nearly black; if they hold 12 bits, "
        "try to multiply their values by 16",
        "2 images have transparent parts, which are read in the colours stored there; if these are not meant to be "
        "seen, try to put the images on a background",
        "1 files of test/ are also in train/, byte for byte: accuracy on them is not evidence",
    )


def test_file_names_may_be_any_bytes_and_are_printable_in_messages(root):
    shutil.copy(root / "train/cat/000.png", root / "train/cat/caf\udce9.png")
    (root / "train/dog/caf\udce9.png").write_bytes(b"no")
    scan = scan_folder(root, skip_bad=1)
    assert len(scan.splits["train"]) == 9
    assert scan.notes == (rf"skipped {root}/train/dog/caf\xe9.png: not an image",)
    (root / "test/dog/gone\udce9.png").symlink_to(root / "nowhere.png")
    with pytest.raises(BadInputError, match=r"dog/gone\\xe9\.png: No such file"):
        scan_folder(root)
