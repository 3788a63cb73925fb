"""``CheckedFolder``: files are complete when written and checked when read; one writer at a time.

``MANIFEST.sha256`` lists what the folder holds, in the format of ``sha256sum -c``; a file that is not listed
does not exist. While a listed file is being replaced it has two lines, of its old and of its new content: a
kill between the two leaves either, both whole.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Self

import filelock

from compress.atomic import is_temporary, machine_faults, write_atomically
from compress.errors import BadInputError, EnvironmentProblem
from compress.runs.tensor_files import is_checkpoint

MANIFEST = "MANIFEST.sha256"
LOCK = ".lock"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def sha256_of(data: bytes) -> str:
    """Hex digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


@dataclass
class Manifest:
    """Name -> accepted digests, kept on disk in ``folder``; every change is written at once."""

    folder: Path
    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The folder's manifest; BadInputError if there is none, or a line of it is not ``<sha256>  <name>``."""
        path = folder / MANIFEST
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            raise BadInputError(f"{folder} is not a run folder: it has no {MANIFEST}") from None
        except UnicodeDecodeError:
            raise BadInputError(f"{path} is damaged: it is not text") from None
        manifest = cls(folder)
        for number, line in enumerate(text.splitlines(), start=1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise BadInputError(f"{path} is damaged: line {number} is not '<sha256>  <name>'")
            name = _checked_name(match[2])
            manifest.entries[name] = (*manifest.entries.get(name, ()), match[1])
        return manifest

    def write(self) -> None:
        """Replace the file on disk."""
        lines = [f"{digest}  {name}\n" for name, digests in sorted(self.entries.items()) for digest in digests]
        write_atomically(self.folder / MANIFEST, "".join(lines).encode())

    def record(self, new: Mapping[str, tuple[str, ...]], *, without: Collection[str] = ()) -> None:
        """Accept only these digests of the ``new`` names, and drop the names in ``without``, in one step."""
        before = self.entries
        self.entries = {name: digests for name, digests in before.items() if name not in without} | dict(new)
        if self.entries != before:
            self.write()


class CheckedFolder:
    """A folder under a manifest. Read it freely; write only inside ``with folder:``, which locks it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest = Manifest(path)
        self._lock = filelock.FileLock(path / LOCK, timeout=0)

    def __enter__(self) -> Self:
        """Lock the folder and clear away what a killed writer left; EnvironmentProblem if another process has it."""
        self._acquire()
        try:
            self._manifest = Manifest.read(self.path)
            self._heal()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Release the lock."""
        self._lock.release()

    def has(self, rel: str) -> bool:
        """Whether the run holds this file."""
        return rel in self._manifest.entries

    def write_bytes(self, rel: str, data: bytes) -> None:
        """Write a file atomically and record its checksum."""
        digest = sha256_of(data)
        self._require_lock()
        known = self._manifest.entries.get(_checked_name(rel), ())
        if known and digest not in known:
            self._manifest.record({rel: (*known, digest)})
        write_atomically(self._inside(rel), data)
        self._manifest.record({rel: (digest,)})

    def read_bytes(self, rel: str) -> bytes:
        """Read a file; BadInputError if it is not recorded, missing, or not what was written."""
        digests = self._manifest.entries.get(rel)
        if digests is None:
            raise BadInputError(f"{self.path} holds no {rel}: that stage has not run")
        path = self._inside(rel)
        try:
            with machine_faults(path):
                data = path.read_bytes()
        except OSError as error:
            raise BadInputError(f"cannot read {path}: {error.strerror}") from None
        if sha256_of(data) not in digests:
            raise BadInputError(f"{path} was changed or damaged: its sha256 is not the one in {MANIFEST}")
        return data

    def check_all(self) -> None:
        """``read_bytes`` of every recorded file, for its errors."""
        for rel in self._manifest.entries:
            self.read_bytes(rel)

    def _acquire(self) -> None:
        try:
            with machine_faults(self.path):
                self._lock.acquire()
        except filelock.Timeout:
            raise EnvironmentProblem(f"{self.path} is in use by another process: wait for it, or stop it") from None

    def _require_lock(self) -> None:
        if not self._lock.is_locked:
            raise RuntimeError("a run folder is written only inside `with run:`")

    def _inside(self, rel: str) -> Path:
        path = self.path / rel
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise BadInputError(f"{path} leads out of the run folder")
        return path

    def _delete(self, names: Iterable[str]) -> None:
        with machine_faults(self.path):
            for name in names:
                self._inside(name).unlink(missing_ok=True)

    def _clear(self, *, keep: str, also: str) -> None:
        """Delete the recorded files, ``also``, and the folders this left empty; empty the manifest.

        ``keep`` is about to be replaced: it stays on disk, so that a killed overwrite can be repeated.
        """
        with machine_faults(self.path):
            self._delete(name for name in (*self._manifest.entries, also) if name != keep)
            folders = [path for path in self.path.rglob("*") if path.is_dir() and not path.is_symlink()]
            for folder in sorted(folders, reverse=True):
                if not any(folder.iterdir()):
                    folder.rmdir()
        self._manifest = Manifest(self.path)
        self._manifest.write()

    def _heal(self) -> None:
        """Settle half-done replacements; delete temporary files and checkpoints that are not recorded."""
        for name, digests in list(self._manifest.entries.items()):
            if len(digests) > 1:
                self._manifest.record({name: (sha256_of(self.read_bytes(name)),)})
        with machine_faults(self.path):
            for path in [*self.path.glob("*"), *self.path.glob("*/*")]:
                rel = path.relative_to(self.path).as_posix()
                if is_temporary(path.name) or (is_checkpoint(rel) and not self.has(rel)):
                    path.unlink(missing_ok=True)


def _checked_name(rel: str) -> str:
    """``rel``; BadInputError if it is absolute, climbs out with ``..``, or needs escaping in a manifest."""
    pure = PurePosixPath(rel)
    plain = rel.isprintable() and "\\" not in rel and str(pure) == rel and rel != "."
    if not plain or pure.is_absolute() or ".." in pure.parts:
        raise BadInputError(f"expected a plain name inside the run folder, got {rel!r}")
    return rel
