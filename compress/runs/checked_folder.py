"""``CheckedFolder``: files are complete when written and checked when read; one writer at a time."""

from pathlib import Path
from types import TracebackType
from typing import Self

import filelock

from compress.atomic import is_temporary, machine_faults, write_atomically
from compress.errors import BadInputError, EnvironmentProblem
from compress.runs import checkpoints, manifest
from compress.runs.manifest import Manifest, check_name, sha256_of
from exporters.write.atomic import sync

LOCK = ".lock"


class CheckedFolder:
    """A folder under a manifest. Read it freely; write only inside ``with folder:``, which locks it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest = Manifest(path)
        self._lock = filelock.FileLock(path / LOCK, timeout=0)

    def __enter__(self) -> Self:
        """Lock the folder and clear away what a killed writer left.

        Raises:
            EnvironmentProblem: another process holds the lock.
        """
        self._acquire()
        try:
            self._manifest = Manifest.read(self.path)
            self._heal()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        self._lock.release()

    def has(self, rel: str) -> bool:
        """Whether the run holds this file."""
        return rel in self._manifest.entries

    def write_bytes(self, rel: str, data: bytes) -> None:
        """Write a file atomically and record its checksum."""
        digest = sha256_of(data)
        self._require_lock()
        self._manifest.announce(check_name(rel), digest)
        write_atomically(self._inside(rel), data)
        self._manifest.record(rel, digest)

    def read_bytes(self, rel: str) -> bytes:
        """Read a file and check it against the manifest.

        Raises:
            BadInputError: it is not recorded, missing, or not what was written.
        """
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
            raise BadInputError(f"{path} was changed or damaged: its sha256 is not the one in {manifest.NAME}")
        return data

    def check_all(self) -> None:
        """Read every file that is listed.

        Raises:
            BadInputError: one is missing, or not what was written.
        """
        for rel in self._manifest.entries:
            self.read_bytes(rel)

    def adopt(self, rel: str) -> None:
        """Record a file that an exporter has just written atomically in the folder."""
        self._require_lock()
        path = self._inside(check_name(rel))
        with machine_faults(path):
            sync(path)
            sync(path.parent)
            self._manifest.record(rel, sha256_of(path.read_bytes()))

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

    def _delete(self, names: list[str]) -> None:
        with machine_faults(self.path):
            for name in names:
                self._inside(name).unlink(missing_ok=True)

    def _clear(self, *, keep: str, also: str) -> None:
        """Delete the listed files and ``also``, and the folders this left empty; empty the manifest.

        ``keep`` is about to be replaced: it stays, unlisted, so that a kill leaves something
        that can be overwritten again.
        """
        with machine_faults(self.path):
            self._delete([name for name in (*self._manifest.entries, also) if name != keep])
            folders = [path for path in self.path.rglob("*") if path.is_dir() and not path.is_symlink()]
            for folder in sorted(folders, reverse=True):
                if not any(folder.iterdir()):
                    folder.rmdir()
        self._manifest = Manifest(self.path)
        self._manifest.write()

    def _heal(self) -> None:
        """Settle half-done replacements; delete temporary files and checkpoints nothing points to."""
        for name, digests in list(self._manifest.entries.items()):
            if len(digests) > 1:
                self._manifest.record(name, sha256_of(self.read_bytes(name)))
        with machine_faults(self.path):
            for path in [*self.path.glob("*"), *self.path.glob("*/*")]:
                rel = path.relative_to(self.path).as_posix()
                orphan = checkpoints.is_checkpoint(rel) and not self.has(rel)
                if orphan or is_temporary(path.name):
                    path.unlink(missing_ok=True)
