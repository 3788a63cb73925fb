"""``CheckedFolder``: files are complete when written and checked when read; one writer at a time.

What the folder holds is in its manifest. A file that is not there is somebody else's: it is not read, not replaced,
not deleted.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final, Self

import filelock

from compress.atomic import machine_faults
from compress.errors import BadInputError, CompressError, EnvironmentProblem
from compress.runs.manifest import MANIFEST, Manifest, checked_name, sha256_of
from compress.runs.own_files import identity, own_path, read_own, temporary_name
from exporters.write.atomic import sync, write_new

LOCK: Final = ".lock"


class CheckedFolder:
    """A folder under a manifest. Read it freely; write only inside ``with folder:``, which locks it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest = Manifest()
        self._placed: dict[str, tuple[int, ...] | None] = {}  # files that this object wrote, as they were then
        self._written: set[str] = set()  # digests of what this object wrote
        self._lock = filelock.FileLock(path / LOCK, timeout=0, fallback_to_soft=False)  # a kill leaves soft locks

    def __enter__(self) -> Self:
        """Lock the folder and settle what a killed writer left; EnvironmentProblem if another process has it."""
        self._acquire()
        try:
            self._manifest = Manifest.read(self.path)
            with machine_faults(self.path):
                self._manifest.temporary(self.path).unlink(missing_ok=True)
            self._settle()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Release the lock."""
        self._lock.release()

    def has(self, rel: str) -> bool:
        """Whether the run holds this file."""
        return rel in self._manifest.names

    def wrote(self, rel: str) -> bool:
        """Whether this object wrote the file that is there, and nobody has touched it since."""
        known = self._placed.get(rel)
        return known is not None and identity(self.path / rel) == known

    def write_bytes(self, rel: str, data: bytes) -> None:
        """Write a file and record its checksum."""
        self.change({rel: data})

    def change(self, new: Mapping[str, bytes], *, without: Collection[str] = ()) -> None:
        """Write these files and delete those in ``without``: after a kill at any moment all of that is done, or none.

        BadInputError if a file of that name is there and is not the folder's own.
        """
        self._require_lock()
        digests = {checked_name(rel): sha256_of(data) for rel, data in new.items()}
        removing = {rel: self._manifest.entries[rel] for rel in without if self.has(rel) and rel not in new}
        if not removing and all(self._holds(rel, digest) for rel, digest in digests.items()):
            return
        for rel, digest in digests.items():
            self._check_mine(rel, digest)
        before = self._manifest
        try:
            self._record(replace(before, writing=digests))
            for rel, digest in digests.items():
                self._write_temporary(rel, digest, new[rel])
            self._sync(digests)
        except BaseException:
            with suppress(OSError, CompressError):  # it tells what failed first
                self._settle()
            raise
        entries = {rel: one for rel, one in before.entries.items() if rel not in digests and rel not in removing}
        self._record(Manifest(entries, placing=digests, removing=removing, digest=self._manifest.digest))
        self._settle()

    def read_bytes(self, rel: str) -> bytes:
        """Read a file; BadInputError if it is not recorded, missing, or not what was written."""
        digests = self._manifest.names.get(rel)
        if digests is None:
            raise BadInputError(f"{self.path} holds no {rel}: that stage has not run")
        path = self.path / rel
        try:
            with machine_faults(path):
                data = self._read(rel)
        except OSError as error:
            raise BadInputError(f"cannot read {path}: {error.strerror}") from None
        if data is None:
            raise BadInputError(f"cannot read {path}: it is missing")
        if sha256_of(data) not in digests:
            raise BadInputError(f"{path} was changed or damaged: its sha256 is not the one in {MANIFEST}")
        return data

    def check_all(self) -> None:
        """``read_bytes`` of every recorded file, for its errors."""
        for rel in self._manifest.names:
            self.read_bytes(rel)

    def _read_manifest(self) -> None:
        """Read what the folder holds, after settling what a killed writer left."""
        self._manifest = Manifest.read(self.path)
        if not self._manifest.settled:
            with suppress(EnvironmentProblem), self:  # its writer is at work, or it cannot be written to: as it is
                pass

    def _acquire(self) -> None:
        own_path(self.path, LOCK)
        try:
            with machine_faults(self.path):
                self._lock.acquire()
        except filelock.Timeout:
            raise EnvironmentProblem(f"{self.path} is in use by another process: wait for it, or stop it") from None

    def _require_lock(self) -> None:
        if not self._lock.is_locked:
            raise RuntimeError("a run folder is written only inside `with run:`")

    def _record(self, manifest: Manifest) -> None:
        self._manifest = manifest.write(self.path)

    def _settle(self) -> None:
        """Finish a change that counts, undo one that does not count yet; the manifest has no change then.

        ``change`` ends with it, and a folder whose writer was killed begins with it.
        """
        now = self._manifest
        if now.settled:
            return
        entries = {rel: self._present(rel, digests) for rel, digests in now.entries.items()}
        with machine_faults(self.path):
            for rel, digest in now.writing.items():
                self._temporary(rel, digest).unlink(missing_ok=True)
            for rel, digest in now.placing.items():
                path = own_path(self.path, rel)
                with suppress(FileNotFoundError):  # it is in place
                    self._temporary(rel, digest).replace(path)
                    if digest in self._written:  # not by a process before
                        self._placed[rel] = identity(path)
            self._delete(now.removing)
            self._sync({*now.placing, *now.removing})
        placed = {rel: (digest,) for rel, digest in now.placing.items()}
        self._record(Manifest(entries | placed, digest=now.digest))

    def _clear(self, *, also: str) -> None:
        """Delete the recorded files, ``also``, and their folders if that leaves them empty; empty the manifest."""
        now = self._manifest
        temporary = [self._temporary(rel, digest) for rel, digest in (now.writing | now.placing).items()]
        names = {*now.names, *now.writing, *now.removing, also}
        removing = now.removing | now.names
        # From here on, a killed overwrite can be repeated, not undone.
        self._record(Manifest(removing=removing, digest=now.digest))
        with machine_faults(self.path):
            for path in (*temporary, *(own_path(self.path, rel) for rel in {*removing, also})):
                path.unlink(missing_ok=True)
            for folder in sorted({parent for rel in names for parent in (self.path / rel).parents}, reverse=True):
                if folder != self.path and folder.is_relative_to(self.path) and folder.is_dir():
                    with suppress(OSError):  # it holds files of others
                        folder.rmdir()
        self._record(Manifest(digest=self._manifest.digest))

    def _write_temporary(self, rel: str, digest: str, data: bytes) -> None:
        with machine_faults(self.path / rel):
            path = self._temporary(rel, digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_new(path, data)
        self._written.add(digest)

    def _delete(self, names: Mapping[str, Collection[str]]) -> None:
        """Delete files whose content is the recorded one; another file of that name is somebody else's."""
        for rel, digests in names.items():
            path = own_path(self.path, rel)
            if not self.wrote(rel):  # else a checkpoint of gigabytes need not be read again to be deleted
                data = read_own(self.path, rel)
                if data is None or sha256_of(data) not in digests:
                    continue
            path.unlink()

    def _present(self, rel: str, digests: tuple[str, ...]) -> tuple[str, ...]:
        """Which of two accepted digests a file has."""
        return digests if len(digests) == 1 else (sha256_of(self.read_bytes(rel)),)

    def _read(self, rel: str) -> bytes | None:
        digest = self._manifest.placing.get(rel)
        data = None if digest is None else read_own(self.path, _temporary(rel, digest))
        return read_own(self.path, rel) if data is None else data

    def _holds(self, rel: str, digest: str) -> bool:
        """Whether the file is there with this content."""
        if self._manifest.names.get(rel) != (digest,):
            return False
        data = self._read(rel)
        return data is not None and sha256_of(data) == digest

    def _check_mine(self, rel: str, digest: str) -> None:
        path = own_path(self.path, rel)
        if not self.has(rel) and path.exists():
            data = read_own(self.path, rel)
            if data is not None and sha256_of(data) == digest:  # as version 0.1.0 left it, killed before it recorded it
                return
            raise BadInputError(f"{path} is not a file of this run and is in its way: move it elsewhere")

    def _temporary(self, rel: str, digest: str) -> Path:
        return own_path(self.path, _temporary(rel, digest))

    def _sync(self, names: Iterable[str]) -> None:
        for folder in {(self.path / rel).parent for rel in names}:
            if folder.is_dir():
                sync(folder)


def _temporary(rel: str, digest: str) -> str:
    path = PurePosixPath(rel)
    return str(path.with_name(temporary_name(path.name, digest)))
