import functools
import http.server
import threading

import numpy as np
import pytest

from compress.data import fashion_files
from compress.data.fashion_files import FILES, find_full, read_full
from compress.errors import BadInputError, EnvironmentProblem
from tests.data.files import write_fashion


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Serve a folder on this machine; gives the mirror's address."""
    servers = []

    def start(folder):
        handler = functools.partial(_Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("zipped", [True, False])
def test_the_four_files_are_read(tmp_path, zipped):
    arrays = read_full(tmp_path, files=write_fashion(tmp_path, zipped=zipped))
    assert arrays.train_images.shape == (100, 28, 28)
    assert arrays.test_labels.tolist() == [*range(10)] * 2
    assert all(array.dtype == np.uint8 for array in vars(arrays).values())


def test_a_file_that_is_no_fashion_mnist_is_refused(tmp_path):
    write_fashion(tmp_path)  # of the right names, not of the published contents
    with pytest.raises(BadInputError, match="is not the file it is named after"):
        read_full(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    files = write_fashion(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(BadInputError, match=r"expected t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte\.gz"):
        read_full(tmp_path, files=files)


def test_torchvisions_folders_are_found(tmp_path):
    files = write_fashion(tmp_path / "FashionMNIST" / "raw", zipped=False)
    assert find_full(tmp_path, download=False, files=files) == tmp_path / "FashionMNIST" / "raw"


def test_nothing_is_downloaded_unless_asked(tmp_path, serve):
    files = write_fashion(tmp_path / "mirror")
    with pytest.raises(BadInputError, match="try --download, --data-dir FOLDER"):
        find_full(tmp_path / "data", download=False, files=files, mirror=serve(tmp_path / "mirror"))
    assert not (tmp_path / "data").exists()


def test_a_download_fills_the_folder_and_is_not_repeated(tmp_path, serve):
    files = write_fashion(tmp_path / "mirror")
    mirror = serve(tmp_path / "mirror")
    folder = find_full(tmp_path / "data", download=True, files=files, mirror=mirror)
    assert folder == tmp_path / "data"
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{file.name}.gz" for file in files.values())
    assert read_full(folder, files=files).train_labels[:3].tolist() == [0, 1, 2]
    assert find_full(folder, download=True, files=files, mirror="http://127.0.0.1:1/") == folder


def test_a_download_with_other_contents_is_refused_and_leaves_nothing(tmp_path, serve):
    write_fashion(tmp_path / "mirror")
    with pytest.raises(BadInputError, match="is not the file it is named after"):
        find_full(tmp_path / "data", download=True, files=FILES, mirror=serve(tmp_path / "mirror"))
    assert not (tmp_path / "data").exists()


def test_no_network_and_no_such_file_are_problems_of_the_environment(tmp_path, serve):
    (tmp_path / "mirror").mkdir()
    for mirror in ("http://127.0.0.1:1/", serve(tmp_path / "mirror")):
        with pytest.raises(EnvironmentProblem, match="cannot download http://127"):
            find_full(tmp_path / "data", download=True, mirror=mirror)


def test_without_a_folder_the_debian_package_comes_first_and_downloads_go_to_the_cache(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(fashion_files, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = write_fashion(tmp_path / "mirror")
    cache = find_full(None, download=True, files=files, mirror=serve(tmp_path / "mirror"))
    assert cache == tmp_path / "cache" / "compress" / "fashion-mnist"
    assert find_full(None, download=False, files=files) == cache
    write_fashion(tmp_path / "debian")
    assert find_full(None, download=False, files=files) == tmp_path / "debian"


@pytest.mark.skipif(not fashion_files.DEBIAN_FOLDER.is_dir(), reason="the Debian package is not installed")
def test_the_pins_admit_the_debian_package():
    arrays = read_full(fashion_files.DEBIAN_FOLDER)
    assert arrays.train_images.shape == (60_000, 28, 28)
