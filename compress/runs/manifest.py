"""``Manifest``: the files of a run folder with their checksums, and what is being changed, in ``MANIFEST.sha256``.

The file is checked by ``sha256sum -c``, between any two steps of a change too: it lists only files that are whole and
in place. Its comments are for this module::

    # compress 1: the last line vouches for all others
    <sha256>  config.toml
    # writing: <sha256>  02_original/weights.safetensors
    # sha256 of the lines above: <sha256>

A change of files has three steps, and each begins with a new manifest, itself replaced at once:

1. *writing*: the new content is written to temporary files, whose names follow from what is recorded here.
2. *placing* and *removing*: the change counts from here on. Temporary files become files; old ones are deleted.
3. The new files are listed.

A file that is in no manifest and no change is somebody else's.
"""

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from compress.atomic import machine_faults, write_atomically
from compress.errors import BadInputError
from compress.runs.own_files import read_own, temporary_name

MANIFEST: Final = "MANIFEST.sha256"

_FIRST: Final = "# compress 1: the last line vouches for all others"
_LAST: Final = "# sha256 of the lines above: "
_LINE: Final = re.compile(r"(?:# (writing|placing|removing): )?([0-9a-f]{64})  (.+)")


def sha256_of(data: bytes) -> str:
    """Hex digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """What a run folder holds.

    Attributes:
        entries: name -> accepted digests of every file in place. There is one; two only where an earlier version was
            killed while it replaced a file.
        writing: name -> digest of a file whose temporary file is being written. It does not count yet.
        placing: name -> digest of a file that counts, and is either in place or still in its temporary file.
        removing: name -> digests of a file that counts no longer, and may still be there.
        digest: of the manifest as it is on disk.
    """

    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    writing: dict[str, str] = field(default_factory=dict)
    placing: dict[str, str] = field(default_factory=dict)
    removing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    digest: str = sha256_of(b"")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The folder's manifest; BadInputError if there is none, or it is not what was written."""
        path = folder / MANIFEST
        with machine_faults(path):
            data = read_own(folder, MANIFEST)
        if data is None:
            raise BadInputError(f"{folder} is not a run folder: it has no {MANIFEST}")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise BadInputError(f"{path} is damaged: it is not text") from None
        found = cls(digest=sha256_of(data))
        for number, line in _vouched_lines(path, text):
            match = _LINE.fullmatch(line)
            if match is None:
                raise BadInputError(f"{path} is damaged: line {number} is not '<sha256>  <name>'")
            found._add(match[1], checked_name(match[3]), match[2])
        return found

    def write(self, folder: Path) -> "Manifest":
        """Replace the file on disk; the manifest that is there now."""
        lines = [_FIRST]
        for mark, names in (("", self.entries), ("# removing: ", self.removing)):
            lines += [f"{mark}{digest}  {name}" for name, digests in sorted(names.items()) for digest in digests]
        for mark, digests in (("# writing: ", self.writing), ("# placing: ", self.placing)):
            lines += [f"{mark}{digest}  {name}" for name, digest in sorted(digests.items())]
        above = "".join(f"{line}\n" for line in lines)
        data = f"{above}{_LAST}{sha256_of(above.encode())}\n".encode()
        write_atomically(folder / MANIFEST, data, temporary=self.temporary(folder))
        return replace(self, digest=sha256_of(data))

    def temporary(self, folder: Path) -> Path:
        """Where the next manifest is written before it replaces this one; nobody else gives a file this name."""
        return folder / temporary_name(MANIFEST, self.digest)

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Name -> accepted digests of every file that counts."""
        return self.entries | {name: (digest,) for name, digest in self.placing.items()}

    @property
    def settled(self) -> bool:
        """Whether no change is under way."""
        return not (self.writing or self.placing or self.removing) and all(
            len(one) == 1 for one in self.entries.values()
        )

    def _add(self, mark: str | None, name: str, digest: str) -> None:
        if mark in ("writing", "placing"):
            (self.writing if mark == "writing" else self.placing)[name] = digest
        else:
            where = self.removing if mark else self.entries
            where[name] = (*where.get(name, ()), digest)


def checked_name(rel: str) -> str:
    """``rel``; BadInputError if it is absolute, climbs out with ``..``, or needs escaping in a manifest."""
    pure = PurePosixPath(rel)
    plain = rel.isprintable() and "\\" not in rel and str(pure) == rel and rel != "."
    if not plain or pure.is_absolute() or ".." in pure.parts:
        raise BadInputError(f"expected a plain name inside the run folder, got {rel!r}")
    return rel


def _vouched_lines(path: Path, text: str) -> list[tuple[int, str]]:
    """The lines between the first and the last, with their numbers; all lines of a manifest of an earlier version."""
    lines = list(enumerate(text.splitlines(), start=1))
    if _FIRST not in text.splitlines() and _LAST not in text:
        return lines
    above, mark, digest = text.rpartition(_LAST)
    if not mark or not above.startswith(f"{_FIRST}\n") or digest != sha256_of(above.encode()) + "\n":
        raise BadInputError(f"{path} was changed or damaged: its last line does not vouch for the others")
    return lines[1:-1]
