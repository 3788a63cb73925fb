import os
import time

import numpy as np
import pytest
from PIL import Image

from compress.data.folder import load_folder
from compress.data.layout import list_folder
from compress.data.scan import Entry, Scan, read_index, scan_files, write_index
from compress.data.stamps import UNSETTLED, take_stamp
from compress.errors import BadInputError
from compress.settings.config import DataConfig
from tests.data.files import write_folder, write_image

LONG_AGO = time.time_ns() - 3600 * 10**9
CAT = Entry(10, LONG_AGO, LONG_AGO + 5, 77, 32, grey=False, dim=False, transparent=True, sha256="ab" * 32)
ODD = Entry(2**40, LONG_AGO + 1, LONG_AGO, 2**63, 1, grey=True, dim=True, transparent=False, sha256="00" * 32)
ENTRIES = {"train/cat/1.png": CAT, "odd \n\udcff [name].jpg": ODD}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "compress" / "scans"


@pytest.fixture(autouse=True)
def an_hour_later(monkeypatch):
    """Files that a test writes are not new any more; when they last changed cannot be set, as the clock can."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 3600 * 10**9)


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "pets", splits={"train": 3, "test": 1})


@pytest.fixture
def twins(tmp_path):
    """Files that differ in their bytes alone, as an archive may leave them: one size, one time."""
    places = [f"{kind}/{n}.bmp" for kind in ("train/cat", "train/dog") for n in range(3)]
    for level, place in enumerate((*places, "test/cat/0.bmp", "test/dog/0.bmp")):
        path = tmp_path / "twins" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), level, np.uint8)).save(path)
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return tmp_path / "twins"


def scan(root) -> Scan:
    listing = list_folder(root)
    return scan_files(listing.splits, classes=listing.classes, skip_bad=0, root=root)


def test_entries_are_read_back_for_their_folder_and_links_to_it_alone(tmp_path, cache):
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "real").mkdir()
    write_index(tmp_path / "real", ENTRIES)
    assert read_index(tmp_path / "real") == read_index(tmp_path / "link") == ENTRIES
    (first,) = cache.iterdir()
    write_index(tmp_path / "other", {})
    (second,) = set(cache.iterdir()) - {first}
    second.write_bytes(first.read_bytes())
    assert read_index(tmp_path / "other") == {}


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


@pytest.mark.parametrize(("seconds", "settled"), [(-3, True), (-1, False), (1, False), (3, True)])
@pytest.mark.parametrize("changed", ["st_mtime_ns", "st_ctime_ns"])
def test_the_stamp_of_a_file_that_changed_just_before_it_was_read_is_not_kept(
    root, tmp_path, monkeypatch, seconds, settled, changed
):
    path = root / "test/dog/000.png"
    if changed == "st_ctime_ns":
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    moment = getattr(path.stat(), changed) + seconds * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: moment)
    assert take_stamp(path) == (CAT._replace(**_fields_of(path)).stamp if settled else UNSETTLED)
    write_index(tmp_path, ENTRIES | {"new.png": Entry(*UNSETTLED, *CAT[4:])})
    assert read_index(tmp_path) == ENTRIES


def _fields_of(path) -> dict[str, int]:
    found = path.stat()
    times = {"mtime_ns": found.st_mtime_ns, "ctime_ns": found.st_ctime_ns}
    return {"size": found.st_size, "inode": found.st_ino} | times


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
    known = {place: entry._replace(shorter_side=1000 + n) for n, (place, entry) in enumerate(read_index(root).items())}
    write_index(root, known)  # what no file holds: it can come from the index alone
    again = scan(root)
    assert [file.sha256 for file in again.splits["train"]] == [file.sha256 for file in first.splits["train"]]
    assert {file.place: file.shorter_side for files in again.splits.values() for file in files} == {
        place: entry.shorter_side for place, entry in known.items()
    }


@pytest.mark.parametrize("change", ["time", "size", "bytes"])
def test_a_changed_file_is_read_again(root, change):
    scan(root)
    path = root / "train/cat/001.jpg"
    before = path.stat()
    path.write_bytes(b"x" * (before.st_size + (change == "size")))
    time_ns = before.st_mtime_ns + (change == "time")
    os.utime(path, ns=(time_ns, time_ns))
    with pytest.raises(BadInputError, match=r"(?s)got 1 of 8.*train/cat/001\.jpg: not an image"):
        scan(root)


@pytest.mark.parametrize("places", [("train/cat/0.bmp", "train/dog/2.bmp"), ("test/cat", "test/dog")])
def test_files_and_folders_that_changed_places_are_noticed(twins, monkeypatch, places):
    before = scan(twins)
    assert len(read_index(twins)) == 8
    one, other = (twins / place for place in places)
    aside = one.rename(twins.parent / "aside")
    other.rename(one)
    aside.rename(other)
    after = scan(twins)
    assert after != before
    monkeypatch.setenv("XDG_CACHE_HOME", str(twins.parent / "empty"))
    assert after == scan(twins)


def test_a_scan_writes_nothing_into_the_folder_and_notes_come_from_the_index_too(root):
    Image.new("RGBA", (40, 40), (1, 2, 3, 0)).save(root / "train/cat/clear.png")
    Image.fromarray(np.full((40, 40), 4000, np.uint16)).save(root / "train/dog/twelve.tif")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    first = scan(root)
    assert len(first.notes) == 2
    assert scan(root) == first
    assert len(read_index(root)) == 10
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_changes_reach_the_bundle_and_the_index(root):
    options = DataConfig(image_size=16, workers=0)
    before = load_folder(root, options)
    assert load_folder(root, options).fingerprint == before.fingerprint
    (root / "test/cat/000.png").rename(root / "test/cat/other.png")
    write_image(root / "train/dog/new.png", seed=5)
    after = load_folder(root, options)
    assert after.fingerprint != before.fingerprint
    assert {"test/cat/other.png", "train/dog/new.png"} <= read_index(root).keys()
    assert "test/cat/000.png" not in read_index(root)


def test_a_scan_that_failed_need_not_read_the_good_files_again(root):
    (root / "train/cat/000.png").write_bytes(b"no")
    with pytest.raises(BadInputError, match="got 1 of 8"):
        scan(root)
    assert len(read_index(root)) == 7
