"""onnxruntime for browsers: two files of its npm package, which is compared with the published checksum."""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from compress.errors import BadInputError, EnvironmentProblem
from compress.exporter_faults import read_file
from exporters.write.scratch import scratch_folder

VERSION: Final = "1.30.0"
PACKAGE: Final = f"onnxruntime-web@{VERSION}"
_SHA512: Final = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
_FILES: Final = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
_MAX_BYTES: Final = 2**26
_SECONDS: Final = 600
_WAY_OUT: Final = f"try `npm pack {PACKAGE}` on a machine that can, and give its file with --web-package FILE.tgz"


def read_runtime(package: Path | None) -> dict[str, bytes]:
    """Name and content of the files that a page needs of onnxruntime-web: a module and its WebAssembly.

    Args:
        package: the npm package as a file; ``None``: npm gets it, from its cache or by a download.

    Raises:
        BadInputError: the file is missing or not the published one.
        EnvironmentProblem: there is no npm, or npm cannot get the package.
    """
    data = _from_npm() if package is None else _read(package)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {name: _member(archive, f"package/dist/{name}") for name in _FILES}


def _from_npm() -> bytes:
    program = shutil.which("npm")
    if program is None:
        raise EnvironmentProblem(f"the page needs {PACKAGE}, and there is no npm to get it; {_WAY_OUT}")
    with scratch_folder() as folder:
        command = [program, "pack", PACKAGE, "--prefer-offline", "--fetch-retries=0", "--loglevel=error"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentProblem(f"npm cannot get {PACKAGE}: {error}; {_WAY_OUT}") from None
        packed = list(folder.glob("*.tgz"))
        if done.returncode or not packed:
            raise EnvironmentProblem(f"npm cannot get {PACKAGE}: {_reason(done.stderr)}; {_WAY_OUT}")
        return _read(packed[0])


def _reason(stderr: str) -> str:
    lines = [line.removeprefix("npm error ") for line in stderr.splitlines()]
    shown = next((line for line in lines if line and not line.startswith(("code ", "syscall ", "errno "))), "no reason")
    return f"{shown:.200}"


def _read(path: Path) -> bytes:
    data = read_file(path, limit=_MAX_BYTES, kind="npm package")
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != _SHA512:
        raise BadInputError(
            f"{path} is not the published package {PACKAGE}: expected sha512 {_SHA512[:16]}..., got {found[:16]}...; "
            f"try npm pack {PACKAGE}"
        )
    return data


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None, "the checksum is that of a package with these files"
    return file.read()
