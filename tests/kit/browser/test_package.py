import shutil

import pytest

from compress.errors import BadInputError, EnvironmentProblem
from compress.kit.browser.package import read_runtime
from tests.helpers.command import compress


def test_a_file_that_is_not_the_published_package_is_refused(tmp_path):
    (tmp_path / "other.tgz").write_bytes(b"other")
    with pytest.raises(BadInputError, match=r"other.tgz is not the published package onnxruntime-web@1.30.0: expected"):
        read_runtime(tmp_path / "other.tgz")


def test_without_npm_the_way_out_is_a_file(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match=r"there is no npm to get it; try .*--web-package FILE.tgz"):
        read_runtime(None)


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm (apt-get install npm), which is not there")
def test_a_failed_download_says_what_npm_says(monkeypatch, tmp_path):
    monkeypatch.setenv("npm_config_cache", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")  # where nobody answers
    with pytest.raises(EnvironmentProblem, match=r"cannot get .*ECONNREFUSED.*; try .*--web-package") as raised:
        read_runtime(None)
    assert len(str(raised.value).splitlines()) == 1


def test_the_command_line_writes_no_kit_without_the_package(made, tmp_path):
    (tmp_path / "other.tgz").write_bytes(b"other")
    done = compress(
        "kit", "--original", made / "a.onnx", "--candidate", made / "b.onnx", "--dataset", made / "images",
        "--out", tmp_path / "kit", "--web-package", tmp_path / "other.tgz",
    )  # fmt: skip
    assert (done.returncode, "is not the published package" in done.stderr) == (4, True), done.stderr
    assert not (tmp_path / "kit").exists()
