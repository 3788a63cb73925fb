import os
import time

import pytest

from compress.data.folder import FolderOptions, load_folder
from compress.data.index import Entry, read_index, write_index
from compress.data.layout import list_folder
from compress.data.scan import Scan, scan_files
from compress.errors import BadInputError
from tests.data.files import write_folder, write_image

LONG_AGO = time.time_ns() - 3600 * 10**9
ENTRIES = {
    "train/cat/1.png": Entry(10, LONG_AGO, 32, grey=False, sha256="ab" * 32),
    "odd \n\udcff [name].jpg": Entry(2**40, LONG_AGO + 1, 1, grey=True, sha256="00" * 32),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "compress" / "scans"


@pytest.fixture
def root(tmp_path):
    """A folder whose files have been as they are for an hour."""
    root = write_folder(tmp_path / "pets", splits={"train": 3, "test": 1})
    for path in root.rglob("*.*"):
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return root


def scan(root) -> Scan:
    listing = list_folder(root)
    return scan_files(listing.splits, classes=listing.classes, skip_bad=0, root=root)


def spoil(path) -> None:
    """Other bytes, same size and time: only a look inside can tell."""
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


def test_what_was_kept_is_read_back(tmp_path):
    write_index(tmp_path, ENTRIES)
    assert read_index(tmp_path) == ENTRIES
    assert read_index(tmp_path / "other") == {}


def test_a_link_to_the_folder_is_the_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    write_index(tmp_path / "real", ENTRIES)
    assert read_index(tmp_path / "link") == ENTRIES


def test_any_damage_makes_it_worthless(tmp_path, cache):
    write_index(tmp_path, ENTRIES)
    (file,) = cache.iterdir()
    good = file.read_bytes()
    for place in range(0, len(good), 7):
        file.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        assert read_index(tmp_path) == {}
    for size in (0, 10, 65, len(good) - 1):
        file.write_bytes(good[:size])
        assert read_index(tmp_path) == {}
    file.write_bytes(good)
    assert read_index(tmp_path) == ENTRIES


def test_an_index_of_another_folder_is_ignored(tmp_path, cache):
    write_index(tmp_path / "a", ENTRIES)
    (first,) = cache.iterdir()
    write_index(tmp_path / "b", {})
    (second,) = set(cache.iterdir()) - {first}
    second.write_bytes(first.read_bytes())
    assert read_index(tmp_path / "b") == {}


def test_a_file_that_changed_just_now_is_not_kept(tmp_path):
    now = ENTRIES["train/cat/1.png"]._replace(mtime_ns=time.time_ns())
    write_index(tmp_path, ENTRIES | {"new.png": now})
    assert read_index(tmp_path) == ENTRIES


@pytest.mark.parametrize("home", ["file/below", "/dev/null", "/proc"])
def test_a_cache_that_cannot_be_written_to_is_no_error(root, tmp_path, monkeypatch, home):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
    assert len(scan(root).splits["train"]) == 6
    assert read_index(root) == {}


def test_a_relative_cache_folder_does_not_count(root, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/paths/do/not/count")
    monkeypatch.setenv("HOME", str(root.parent / "home"))
    scan(root)
    assert (root.parent / "home/.cache/compress/scans").is_dir()
    assert len(read_index(root)) == 8


def test_unchanged_files_are_not_read_again(root):
    first = scan(root)
    for path in root.rglob("*.*"):
        spoil(path)
    assert scan(root) == first


@pytest.mark.parametrize("change", ["time", "size"])
def test_a_changed_file_is_read_again(root, change):
    scan(root)
    path = root / "train/cat/001.jpg"
    if change == "time":
        spoil(path)
        os.utime(path, ns=(LONG_AGO + 1, LONG_AGO + 1))
    else:
        path.write_bytes(b"x" * (path.stat().st_size + 1))
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    with pytest.raises(BadInputError, match=r"(?s)got 1 of 8.*train/cat/001\.jpg: not an image"):
        scan(root)


def test_changes_reach_the_bundle_and_the_index(root):
    options = FolderOptions(image_size=16, seed=0, skip_bad=0, workers=0)
    before = load_folder(root, options)
    assert load_folder(root, options).fingerprint == before.fingerprint
    (root / "test/cat/000.png").rename(root / "test/cat/other.png")
    write_image(root / "train/dog/new.png", seed=5)
    os.utime(root / "train/dog/new.png", ns=(LONG_AGO, LONG_AGO))
    after = load_folder(root, options)
    assert after.fingerprint != before.fingerprint
    assert {"test/cat/other.png", "train/dog/new.png"} <= read_index(root).keys()
    assert "test/cat/000.png" not in read_index(root)


def test_a_scan_that_failed_need_not_read_the_good_files_again(root):
    (root / "train/cat/000.png").write_bytes(b"no")
    with pytest.raises(BadInputError, match="got 1 of 8"):
        scan(root)
    assert len(read_index(root)) == 7


def test_the_images_own_folder_is_left_alone(root):
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    scan(root)
    scan(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
