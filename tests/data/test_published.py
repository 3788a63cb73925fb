"""Published files: where they are searched, how they are downloaded (from this machine), notes about other files."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from compress.data.published import Published, compare_with_published, find_published
from compress.errors import BadInputError, EnvironmentProblem, UsageError
from tests.helpers.forks import kill_before
from tests.helpers.served import served


@pytest.fixture
def mirror(tmp_path):
    """A folder that is served, and its address."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    with served(folder) as (address, _asked):
        yield folder, address


def archive(path: Path, names: dict[str, bytes]) -> str:
    """Write a .tar.gz; gives its md5."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in names.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return hashlib.md5(path.read_bytes()).hexdigest()


def offered(folder: Path, address: str) -> Published:
    """A set of an archive and a file beside it."""
    md5 = archive(folder / "tiny.tgz", {"jpg/a": b"A", "jpg/b": b"B"})
    (folder / "labels.mat").write_bytes(b"labels")
    labels = hashlib.md5(b"labels").hexdigest()
    downloads = ((f"{address}tiny.tgz", md5), (f"{address}labels.mat", labels))
    return Published("tiny", "tiny", ("jpg", "labels.mat"), {"labels.mat": labels}, downloads)


@pytest.mark.parametrize("place", ["", "tiny", "other"])
def test_a_set_is_found_in_the_folder_given_or_in_torchvisions_in_it(tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "one").write_bytes(b"")
    (tmp_path / place / "two.gz").write_bytes(gzip.compress(b""))
    published = Published("x", "tiny", ("one", "two"), other_folders=("other",))
    assert find_published(published, tmp_path, download=False) == tmp_path / place


def test_what_is_missing_is_named_where_the_most_of_it_is(tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "one").write_bytes(b"")
    published = Published("x", "tiny", ("one", "two"), downloads=(("", ""),))
    with pytest.raises(BadInputError, match=r"one, two in .* or .*tiny, got no two; try --data-dir FOLDER or"):
        find_published(published, tmp_path, download=False)


def test_a_download_lays_missing_files_out_as_torchvision_does_and_is_not_repeated(tmp_path, mirror):
    published, data = offered(*mirror), tmp_path / "data"
    with pytest.raises(BadInputError, match="--download"):
        find_published(published, data, download=False)
    assert not data.exists()
    (data / "tiny/jpg").mkdir(parents=True)
    (data / "tiny/jpg/a").write_bytes(b"mine")
    assert find_published(published, data, download=True) == data / "tiny"
    files = {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert files == {"tiny/jpg/a": b"mine", "tiny/jpg/b": b"B", "tiny/labels.mat": b"labels"}
    (mirror[0] / "tiny.tgz").unlink()
    assert find_published(published, data, download=True) == data / "tiny"


@pytest.mark.parametrize("name", ["tiny.tgz", "labels.mat"])
def test_other_contents_are_refused_and_leave_no_file(tmp_path, mirror, name):
    published = offered(*mirror)
    (mirror[0] / name).write_bytes(b"something else")
    with pytest.raises(BadInputError, match=rf"{name} is not the published file: expected md5 [0-9a-f]{{32}}, got "):
        find_published(published, tmp_path / "data", download=True)
    assert not [path for path in (tmp_path / "data").rglob("*") if path.name == name or "tmp" in path.name]


def test_a_killed_download_is_begun_anew_and_nothing_of_it_stays(tmp_path, mirror):
    published, folder = offered(*mirror), tmp_path / "data/tiny"
    folder.mkdir(parents=True)
    kill_before(6, lambda: find_published(published, tmp_path / "data", download=True))
    assert any(folder.iterdir())
    find_published(published, tmp_path / "data", download=True)
    assert sorted(path.name for path in folder.iterdir()) == ["jpg", "labels.mat"]


def test_an_archive_that_would_leave_its_folder_is_refused(tmp_path, mirror):
    folder, address = mirror
    md5 = archive(folder / "bad.tgz", {"../outside": b"x"})
    published = Published("bad", ".", ("jpg",), downloads=((f"{address}bad.tgz", md5),))
    with pytest.raises(EnvironmentProblem, match="cannot download"):
        find_published(published, tmp_path / "data", download=True)
    assert not (tmp_path / "outside").exists()


def test_no_server_and_no_such_file_are_problems_of_the_environment(tmp_path, mirror):
    for address in ("http://127.0.0.1:1/", mirror[1]):
        published = Published("x", ".", ("one",), downloads=((f"{address}none", "0"),))
        with pytest.raises(EnvironmentProblem, match="cannot download http://127") as error:
            find_published(published, tmp_path / "data", download=True)
        assert error.value.exit_code == 5


def test_what_nobody_may_hand_out_is_not_downloaded(tmp_path):
    with pytest.raises(UsageError, match="x cannot be downloaded without an account: drop --download"):
        find_published(Published("x", ".", ("one",)), tmp_path, download=True)


def test_without_a_folder_it_is_in_the_cache(tmp_path, mirror, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for download in (True, False):
        assert find_published(offered(*mirror), None, download=download) == tmp_path / "cache/compress/tiny/tiny"


def test_only_files_as_published_come_without_a_note(tmp_path):
    sums = {name: hashlib.md5(name.encode()).hexdigest() for name in ("a", "b")}
    published = Published("x", ".", ("a", "b"), sums)
    (tmp_path / "a").write_bytes(b"a")
    assert compare_with_published(published, tmp_path) == ("not compared with the published x: no b",)
    (tmp_path / "b").write_bytes(b"c")
    assert compare_with_published(published, tmp_path) == ("not the published x: b with other contents",)
    (tmp_path / "b").write_bytes(b"b")
    assert compare_with_published(published, tmp_path) == ()


def test_an_archive_that_holds_its_folder_is_unpacked_in_the_root(tmp_path, mirror):
    folder, address = mirror
    md5 = archive(folder / "whole.tar.gz", {"whole/one": b"1"})
    published = Published("x", "whole", ("one",), downloads=((f"{address}whole.tar.gz", md5),), unpacks_folder=True)
    assert find_published(published, tmp_path / "data", download=True) == tmp_path / "data/whole"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["whole"]


def test_without_a_folder_the_debian_package_comes_first_and_the_message_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    debian, cache = tmp_path / "debian/tiny", tmp_path / "cache/compress/x/tiny"
    published = Published("x", "tiny", ("one",), downloads=(("", ""),), debian_folder=str(debian))
    with pytest.raises(BadInputError, match=r"--download \(Debian has x as the package dataset-tiny\)"):
        find_published(published, None, download=False)
    for folder in (cache, debian):
        folder.mkdir(parents=True)
        (folder / "one").write_bytes(b"")
        assert find_published(published, None, download=False) == folder
    with pytest.raises(BadInputError, match="got none of them"):
        find_published(published, tmp_path / "own", download=False)
